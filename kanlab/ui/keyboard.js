// What Streamlit leaves out for readers without a mouse. Runs once in a browser's tab.
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
  new MutationObserver(settle).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-test-script-state"],
  });
  for (const goesOn of ["keydown", "pointerdown"]) document.addEventListener(goesOn, () => { isNew = false; }, true);
})();
