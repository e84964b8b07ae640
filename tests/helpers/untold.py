"""Words on a page that did not pass through kanlab.language.say: those without accents where it speaks the pseudo-language."""

from __future__ import annotations

import re
from collections.abc import Collection

from playwright.sync_api import Page

from tests.helpers.accessibility import settle

# names that are the same in every language, what Streamlit writes itself, and words that agree with a number
_NAMES = """
kanlab KAN KANs pykan PySR NSGA TPE LOO GAM MLP EBM AUC AIC AICc BIC RSS RMSE SQL SVG PNG ONNX NumPy Python JavaScript Excel
Node DuckDB SQLite PostgreSQL Optuna optuna dashboard English Streamlit CSV Parquet zip JSON Dask Dockerfile Docker LaTeX
MathML PyTorch scikit LBFGS Akaike Pearson Poisson Wilson Cook sin cos tan exp log sqrt abs tanh erf atan arctan asinh inf
Made with Streamlit version System Light Dark Print Record screen UTC numpy scipy torch optuna python cpu grid neuron_num add
looks look holds hold has have is are do does it its their they them
"""
NAMES = frozenset(_NAMES.split())
_TEXTS = """() => {
  const skip = 'code, pre, kbd, .katex, math, script, style, noscript, textarea, [role="gridcell"], td, [translate="no"], ' +
    '[data-testid="stMainMenuPopover"], .vega-actions, [data-untold="name"]';
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement, text = node.nodeValue.trim();
    if (text && !parent.closest(skip) && parent.checkVisibility({visibilityProperty: true})) found.push(text);
  }
  for (const element of document.querySelectorAll('[aria-label], [placeholder], [title]')) {
    if (element.closest(skip) || element.closest('.stVegaLiteChart svg g') || !element.checkVisibility()) continue;
    found.push(...['aria-label', 'placeholder', 'title'].map((name) => element.getAttribute(name)).filter(Boolean));
  }
  return found;
}"""
_WORD = re.compile(r"(?<![\w@/.\-‘'])[A-Za-z]{3,}(?![\w/(\-]|\.\w)", re.ASCII)


def untold(page: Page, names: Collection[str]) -> list[str]:
    """Texts on the page with a word of English, each once. names: of studies, columns and files, which stay."""
    settle(page)
    texts = [text for frame in page.frames for text in frame.evaluate(_TEXTS)]
    return sorted({text for text in texts if _english(text, {*NAMES, *names})})


def _english(text: str, names: Collection[str]) -> bool:
    words = (word[0] for word in _WORD.finditer(text) if re.search("[aceinouyACEINOUY]", word[0]))
    return any(word not in names for word in words)
