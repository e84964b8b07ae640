(() => {
  if (document.documentElement.dataset.kanlabCharts) return;
  document.documentElement.dataset.kanlabCharts = "1";
  const label = "Download as SVG", png = ["Download as PNG", "Told as PNG"];  // Streamlit's, and as kanlab.ui.reader_language tells it
  async function font(copy) {  // for what is written in it; Chinese is left to the fonts of whoever looks
    const text = [...new Set(copy.textContent)].filter((c) => c < "\u2e80").join("");
    const answer = await fetch("ADDRESS" + encodeURIComponent(text)).catch(() => null), style = document.createElementNS(copy.namespaceURI, "style");
    style.textContent = answer && answer.ok ? await answer.text() : "";
    return style;
  }
  async function file(drawn) {
    const copy = drawn.cloneNode(true), box = drawn.viewBox.baseVal, own = getComputedStyle(drawn).backgroundColor;
    const back = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const fill = own === "rgba(0, 0, 0, 0)" ? getComputedStyle(document.querySelector(".stApp")).backgroundColor : own;
    for (const [name, value] of Object.entries({ width: box.width, height: box.height, fill })) back.setAttribute(name, value);
    copy.insertBefore(back, copy.firstChild);
    const written = copy.querySelectorAll("text");
    drawn.querySelectorAll("text").forEach((text, i) => {  // as long as here, in whatever font a reader has
      const length = text.getComputedTextLength();
      if (length) { written[i].setAttribute("textLength", length.toFixed(1)); written[i].setAttribute("lengthAdjust", "spacingAndGlyphs"); }
    });
    copy.querySelectorAll("[font-family]").forEach((text) => {  // Streamlit's name of its font is known to its pages alone
      text.setAttribute("font-family", text.getAttribute("font-family").includes("mono") ? "monospace" : "FONTS");
    });
    back.after(await font(copy));
    const whole = '<?xml version="1.0" encoding="UTF-8"?>' + new XMLSerializer().serializeToString(copy)
      .replaceAll(/url\((&quot;|')?[^#()]*#/g, "url($1#");  // of its own gradients, wherever the file is opened
    return URL.createObjectURL(new Blob([whole], { type: "image/svg+xml" }));
  }
  function give(url, name) {
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
  async function save(button) {
    const drawn = button.closest("[data-testid=stFullScreenFrame]").querySelector(".stVegaLiteChart svg.marks");
    if (drawn) give(await file(drawn), new Date().toISOString().slice(0, 16).replace(":", "-") + "_chart.svg");
  }
  document.addEventListener("click", (event) => {  // the diagram of a network, which is a picture; the server need not know
    if (!event.target.closest(".st-key-diagram-png button")) return;
    event.stopPropagation();
    const picture = document.querySelector(".st-key-diagram img"), canvas = document.createElement("canvas");
    canvas.width = 3 * picture.naturalWidth;
    canvas.height = 3 * picture.naturalHeight;
    const pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(document.querySelector(".stApp")).backgroundColor;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => { if (blob) give(URL.createObjectURL(blob), "network.png"); });
  }, true);
  function add(button) {
    const place = button.closest("[data-testid=stElementToolbarButton]");
    if (!place || place.parentElement.querySelector("[data-kanlab]") || !place.closest("[data-testid=stFullScreenFrame]")) return;
    const more = place.cloneNode(true), made = more.querySelector("button");
    more.dataset.kanlab = "svg";
    made.setAttribute("aria-label", png.reduce((words, each) => words.replace(each, label), button.getAttribute("aria-label")));
    made.title = label;
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");  // tags in a text would be taken out
    shape.setAttribute("d", "M15 16v1.26l-6-3v-3.17L11.7 8H16V2h-6v4.9L7.3 10H3v6h5l7 3.5V22h6v-6h-6z");  // Material, polyline
    made.querySelector("svg").replaceChildren(shape);
    made.addEventListener("click", () => save(made));
    place.after(more);
  }
  let waits = false;
  function every() {
    waits = false;
    png.forEach((each) => document.querySelectorAll('[data-testid=stElementToolbar] button[aria-label^="' + each + '"]').forEach(add));
  }
  new MutationObserver(() => {
    if (!waits) { waits = true; requestAnimationFrame(every); }
  }).observe(document.body, { childList: true, subtree: true });
  every();
})();
