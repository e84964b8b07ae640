// The language of the page, and Streamlit's own words in it. Runs with every run of the app; looks on once in a tab.
((tag, words) => {
  document.documentElement.lang = tag;
  window.kanlabWords = words;
  if (window.kanlabLooksOn || !Object.keys(words).length) return;
  window.kanlabLooksOn = true;

  // text only in these: a cell or a name of the reader's may be the same word
  const places = '[data-testid^="stFileUploader"], [data-testid^="stMainMenu"], [data-testid="stLogoLink"], [data-testid="stSkipToContent"], [data-testid="stElementToolbar"], ' +
    '[data-testid="InputInstructions"], [data-testid="stDataFrameColumnMenu"], [data-testid="stStatusWidget"], ' +
    '[data-testid="stTooltipContent"], [role="listbox"], [role="dialog"] > button';
  const attributes = ["aria-label", "title", "placeholder"];
  const inWords = (text) => {
    if (window.kanlabWords[text]) return window.kanlabWords[text];
    for (const [words, told] of Object.entries(window.kanlabWords)) {
      const [before, after] = words.split("{name}");
      if (after === undefined || !text.startsWith(before) || !text.endsWith(after)) continue;
      return told.replace("{name}", () => text.slice(before.length, text.length - after.length));
    }
  };
  const tell = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = node.parentElement?.closest(places) && inWords(node.nodeValue.trim());
      if (text) node.nodeValue = text;
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    for (const name of attributes) {
      const text = node.hasAttribute(name) && inWords(node.getAttribute(name));
      if (text) node.setAttribute(name, text);
    }
    node.childNodes.forEach(tell);
  };
  new MutationObserver((changes) => changes.forEach((change) => {
    change.addedNodes.forEach(tell);
    if (change.type !== "childList") tell(change.target);
  })).observe(document.body, { childList: true, subtree: true, characterData: true, attributeFilter: attributes });
  tell(document.body);
})
