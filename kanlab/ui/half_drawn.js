// Now and then, on a busy machine, Streamlit loses a part of a page that is changed quickly, and refuses the rest of it ("Bad
// delta path"): the page stays half drawn. It is loaded once more, at most every ten seconds.
(() => {
  if (window.kanlabLoadsAgain) return;
  window.kanlabLoadsAgain = true;
  const LAST = "kanlab-loaded-again";
  const loadAgain = (reason) => {
    if (!String(reason?.message).startsWith("Bad delta path")) return;
    if (Date.now() - Number(sessionStorage.getItem(LAST)) < 10_000) return;
    sessionStorage.setItem(LAST, Date.now());
    location.reload();
  };
  addEventListener("error", (event) => loadAgain(event.error));
  addEventListener("unhandledrejection", (event) => loadAgain(event.reason));
})();
