// The language of the page, and Streamlit's own words in it. Runs with every run of the app; looks on once in a tab.
((tag, words) => {
  document.documentElement.lang = tag;
  if (!window.kanlabKeepsAddress) {
    window.kanlabKeepsAddress = true;
    // the link to the other language is drawn before its page says in the address what it shows
    const toWhatIsShown = (event) => {
      const link = event.target.closest?.("a.language");
      if (!link) return;
      const shown = new URLSearchParams(window.location.search);
      shown.set("lang", new URL(link.href).searchParams.get("lang"));
      link.search = shown;
    };
    ["click", "auxclick", "contextmenu"].forEach((kind) => document.addEventListener(kind, toWhatIsShown, true));
  }
  if (window.kanlabLooksOn || !Object.keys(words).length) return;
  window.kanlabLooksOn = true;

  // text only in these: a cell or a name of the reader's may be the same word
  const places = '[data-testid^="stFileUploader"], [data-testid^="stMainMenu"], [data-testid="stLogoLink"], ' +
    '[data-testid="stSkipToContent"], [data-testid="stElementToolbar"], [data-testid="InputInstructions"], ' +
    '[data-testid="stDataFrameColumnMenu"], [data-testid="stStatusWidget"], [data-testid="stTooltipContent"], [role="listbox"], [role="dialog"] > button';
  const attributes = ["aria-label", "title", "placeholder"];
  const withNames = Object.entries(words).filter(([text]) => text.includes("{name}"))
    .map(([text, told]) => [...text.split("{name}"), told]);
  const inWords = (text) => {
    if (Object.hasOwn(words, text)) return words[text];
    for (const [before, after, told] of withNames) {
      if (!text.startsWith(before) || !text.endsWith(after)) continue;
      return told.replace("{name}", () => text.slice(before.length, text.length - after.length));
    }
  };
  const tell = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = node.parentElement?.closest(places) && inWords(node.nodeValue.trim());
      if (text) node.nodeValue = text;
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE || node instanceof SVGElement) return;  // a chart's marks have words of ours
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
