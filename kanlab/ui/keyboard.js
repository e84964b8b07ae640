// What Streamlit leaves out: for readers without a mouse, and where two values of a slider or a row of tabs have too little room.
// Runs once in a browser's tab.
(() => {
  if (window.kanlabKeyboard) return;
  window.kanlabKeyboard = true;

  // Enter and Space select a row, as they press a button: the grid itself listens to Shift+Space only.
  document.addEventListener("keydown", (event) => {
    if (!event.isTrusted || (event.key !== "Enter" && event.key !== " ")) return;
    if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    const cell = event.target.closest?.('[class*="st-key-rows-"] :is(td[role="gridcell"], canvas)');
    if (!cell) return;
    event.preventDefault();
    event.stopPropagation();
    const select = { key: " ", code: "Space", keyCode: 32, shiftKey: true, bubbles: true, cancelable: true };
    cell.dispatchEvent(new KeyboardEvent("keydown", select));
  }, true);

  // After a change of the page whose button has gone, the keyboard goes on at the title of the new page, unless the reader
  // has gone on already.
  let page = location.pathname, isNew = false;
  const settle = () => {
    if (location.pathname !== page) {
      [page, isNew] = [location.pathname, true];
      document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);  // else a page begins as far down as the last one ended
    }
    if (!isNew || (document.activeElement && document.activeElement !== document.body)) return;
    const title = document.querySelector('[data-testid="stMain"] h1');
    if (!title || document.querySelector('[data-testid="stApp"][data-test-script-state="running"]')) return;
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  };
  // A range of one value shows it once, above its place; Streamlit moves the two values aside.
  const same = () => {
    for (const slider of document.querySelectorAll('[data-testid="stSlider"]')) {
      const values = slider.querySelectorAll('[data-testid="stSliderThumbValue"]');
      if (values.length !== 2) continue;
      const one = values[0].textContent === values[1].textContent;
      values.forEach((value, i) => {
        if (!one) value.removeAttribute("data-same");
        else if (!value.dataset.same) value.dataset.same = i ? "second" : "first";
      });
    }
  };

  // The tab that is open is in view, also where the row of tabs is longer than the page is wide.
  let shown = "";
  const inView = () => {
    const open = [...document.querySelectorAll('[role="tab"][aria-selected="true"]')];
    const now = open.map((tab) => tab.textContent).join();
    if (now === shown) return;
    shown = now;
    requestAnimationFrame(() => {
      for (const tab of open) {
        const row = tab.closest('[role="tablist"]'), [own, room] = [tab, row].map((e) => e.getBoundingClientRect());
        for (let box = row; box && box !== document.body; box = box.parentElement) {
          if (box.scrollWidth <= box.clientWidth) continue;
          const margin = 40;  // for the arrow at its end
          if (own.right > room.right - margin) box.scrollLeft += own.right - room.right + margin;
          else if (own.left < room.left) box.scrollLeft -= room.left - own.left + margin;
          break;
        }
      }
    });
  };

  const look = () => { settle(); same(); inView(); };
  new MutationObserver(look).observe(document.body, {
    childList: true, subtree: true, characterData: true, attributes: true,
    attributeFilter: ["data-test-script-state", "aria-selected"],
  });
  for (const goesOn of ["keydown", "pointerdown"]) document.addEventListener(goesOn, () => { isNew = false; }, true);
})();
