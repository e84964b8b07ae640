const sections = [...document.querySelectorAll("section")], dots = [...document.querySelectorAll("nav button")];
let shown = -1;
function fit() {  // as large as leaves room for what follows; a telephone scrolls
  for (const box of document.querySelectorAll("section:not([hidden]) .formula"))
    for (const size of [2.2, 1.8, 1.5, 1.25, 1, 0.85]) {
      box.style.fontSize = size + "em";
      const section = box.closest("section"), room = section.clientHeight >= section.scrollHeight || innerWidth <= 760 || size <= 1.25;
      if (box.offsetHeight <= innerHeight * 0.3 && box.scrollWidth <= box.clientWidth && room) break;
    }
}
function go(to, focus) {
  const at = Math.max(0, Math.min(sections.length - 1, to));
  if (at === shown) return;
  sections.forEach((section, i) => { section.hidden = i !== at; });
  dots.forEach((dot, i) => i === at ? dot.setAttribute("aria-current", "true") : dot.removeAttribute("aria-current"));
  if (focus) sections[at].focus({ preventScroll: true });
  const before = sections[shown], film = sections[at].querySelector(".playback");
  if (before && before.querySelector(".playback")) before.querySelector(".playback").dispatchEvent(new Event("kanlab-stop"));
  if (film) film.dispatchEvent(new Event("kanlab-play"));
  shown = at;
  history.replaceState(null, "", "#" + (at + 1));
  fit();
}
addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const typing = event.target.closest("input, select");
  const tall = sections[shown].scrollHeight > sections[shown].clientHeight + 1;  // what scrolls is scrolled by these keys
  const arrows = { ArrowRight: 1, ArrowLeft: -1, ...(tall ? {} : { ArrowDown: 1, ArrowUp: -1, " ": 1 }) };
  const moves = { PageDown: 1, PageUp: -1, ...(typing ? {} : arrows) };
  if (event.key === " " && event.target.closest("button")) return;
  if (event.key in moves) { event.preventDefault(); go(shown + moves[event.key], true); }
  else if (event.key === "Home" && !typing) go(0, true);
  else if (event.key === "End" && !typing) go(sections.length - 1, true);
  else if (event.key === "Escape" && KNOWN.leave) location.href = KNOWN.leave;
});
document.querySelector(".edge.back").addEventListener("click", () => go(shown - 1, true));
document.querySelector(".edge.on").addEventListener("click", () => go(shown + 1, true));
dots.forEach((dot, i) => dot.addEventListener("click", () => go(i)));
let start = null;
addEventListener("touchstart", (event) => {
  start = event.target.closest("input, select") ? null : event.changedTouches[0];
}, { passive: true });
addEventListener("touchend", (event) => {
  if (!start) return;
  const end = event.changedTouches[0], across = end.clientX - start.clientX, down = end.clientY - start.clientY;
  if (Math.abs(across) > 50 && Math.abs(across) > 1.5 * Math.abs(down)) go(shown + (across < 0 ? 1 : -1), true);
}, { passive: true });
addEventListener("resize", fit);
addEventListener("hashchange", () => go(Number(location.hash.slice(1)) - 1, true));

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
function say(name, values) {
  return KNOWN.words[name].replace(/\{(\w+)\}/g, (all, key) => values[key]);
}
function digits(v) {
  const size = Math.abs(v);
  return size >= 1e4 && size < 1e9 ? Math.round(v).toLocaleString("en-US") : String(Number(v.toPrecision(4)));
}
function percent(p) {  // as kanlab.language.percent
  for (const places of [1, 2]) {
    const text = (100 * p).toFixed(places);
    if (p <= 0 || p >= 1 || (Number(text) > 0 && Number(text) < 100)) return text + "%";
  }
  return p < 0.5 ? "<0.01%" : "99.99%";
}
function likely(classes, most) {  // the set of the likeliest; as kanlab.stats.interval_bounds.class_sets
  let before = 0;
  return classes.filter(([, p]) => { const held = (before < 1e-9 ? 0 : before) <= most; before += p; return held; })
    .map(([name]) => name).join(" | ");
}
function parts(name, text) {
  const [year, month, day] = text.split("-").map(Number), date = new Date(Date.UTC(year, month - 1, day));
  const first = Date.UTC(year, 0, 1), days = (Date.UTC(year + 1, 0, 1) - first) / 864e5;
  return { [name + " (year)"]: year + (date - first) / 864e5 / days, [name + " (month)"]: month,
    [name + " (weekday)"]: (date.getUTCDay() + 6) % 7, [name + " (hour)"]: 0 };
}
function whatIf(box, known) {
  const inputs = known.controls.map((control) => {
    const label = element("label"), head = element("span", control.feature), value = element("b");
    const input = element(control.kind === "level" ? "select" : "input");
    if (control.kind === "level") control.options.forEach((option, i) => input.append(new Option(option, i)));
    else if (control.kind === "date") { input.type = "date"; input.min = control.low; input.max = control.high; }
    else {
      input.type = "range";
      input.min = control.kind === "values" ? 0 : control.low;
      input.max = control.kind === "values" ? control.options.length - 1 : control.high;
      input.step = control.kind === "values" ? 1 : control.step;
      head.append(value);
    }
    input.value = control.options ? control.options.indexOf(control.start) : control.start;
    label.append(head, input);
    box.querySelector(".controls").append(label);
    input.addEventListener("input", answer);
    return { control, input, value };
  });
  const said = box.querySelector(".answer");
  function put(row, name, value) {
    if (value && value.date) Object.assign(row, parts(name, value.date));
    else row[name] = value;
  }
  function answer() {
    const row = {};
    for (const [name, value] of Object.entries(known.fixed)) put(row, name, value);
    for (const { control, input, value } of inputs) {
      const plain = control.kind === "date" ? { date: input.value } : Number(input.value);
      put(row, control.feature, control.cells ? control.cells[input.value] : plain);
      const words = control.kind === "values" ? digits(control.options[input.value])
        : control.kind === "number" ? Number(input.value).toFixed(control.digits) : "";
      value.textContent = words;
      if (words) input.setAttribute("aria-valuetext", words);
    }
    const found = predict(row), predicted = found[known.predicted], shown = [element("p", known.target, "what")];
    const text = predicted === null ? say("none") : typeof predicted === "number" ? digits(predicted) : String(predicted);
    shown.push(element("p", text, "figure" + (text.length > 8 ? " long" : "")));
    const named = known.classes.length > 2 ? known.classes : known.classes.slice(1);
    const classes = named.map((name, i) => [name, found[known.probabilities[i]]]).filter((c) => typeof c[1] === "number")
      .sort((a, b) => b[1] - a[1]);
    const how = known.interval, share = how && Math.round(100 * how.level);
    if (how && how.bounds && typeof predicted === "number") {
      const [low, high] = how.bounds.map((name) => found[name]);
      shown.push(element("p", say("interval", { share, low: digits(low), high: digits(high) }), "note"));
      const first = Math.min(known.range[0], low, predicted), last = Math.max(known.range[1], high, predicted);
      const place = (v) => 100 * (v - first) / (last - first || 1) + "%", track = element("div", undefined, "track");
      const band = element("i"), mark = element("b"), ends = element("div", undefined, "scale");
      band.style.left = place(low);
      band.style.right = "calc(100% - " + place(high) + ")";
      mark.style.left = place(predicted);
      track.append(band, mark);
      ends.append(element("span", digits(first)), element("span", digits(last)));
      shown.push(track, ends);
    } else if (how && classes.length)
      shown.push(element("p", say("set", { share, classes: how.set ? found[how.set] : likely(classes, how.most) }), "note"));
    classes.slice(0, 6).forEach(([name, p]) => {
      const part = element("div", undefined, "share"), bar = element("div"), filled = element("i");
      filled.style.width = 100 * p + "%";
      bar.append(filled);
      part.append(element("span", name), element("span", percent(p)), bar);
      shown.push(part);
    });
    shown.push(element("p", found[known.outside] ? say("outside") : "", "note"));
    said.replaceChildren(...shown);
  }
  answer();
}
if (KNOWN.whatIf) whatIf(document.querySelector(".try"), KNOWN.whatIf);
go(Math.max(0, (Number(location.hash.slice(1)) || 1) - 1));
