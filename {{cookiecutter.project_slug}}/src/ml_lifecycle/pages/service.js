// The page of the service. Whatever comes from the table or the service is text, never markup.
"use strict";

const HERE = new URL(".", location.href).href.replace(/\/$/, "");
const OTHER = "other …", FEW = 30, SHOWN = 8, HEIGHT = 190, SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
let model, fields = [], key = "", locked = false, lastRequest = "REQUEST-ID", asked = 0, redraw = () => {};

function element(tag, text = "", attributes = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.textContent = text;
  made.append(...inside);
  return made;
}

async function ask(path, content) {
  const headers = { "Content-Type": "application/json" };
  if (key) headers["X-API-Key"] = key;
  const body = content && JSON.stringify(content);
  const answer = await fetch(`${HERE}${path}`, { method: content ? "POST" : "GET", headers, body });
  const said = await answer.json().catch(() => ({ detail: `status ${answer.status}` }));
  if (!answer.ok) throw Object.assign(new Error(answer.status), { detail: said.detail });
  return said;
}

// --- words --------------------------------------------------------------------------------------

// A word of the table may run from right to left, or turn round what follows: it is kept to itself.
const tame = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
const apart = (text) => `\u2068${tame(text)}\u2069`;
const short = (text) => (text.length > 80 ? `${text.slice(0, 79)}…` : text);

function numberOf(value) {
  return Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-3)
    ? String(Number(value.toPrecision(4)))
    : value.toLocaleString("en", { maximumFractionDigits: 4 });
}

const rounded = (value) => numberOf(Number(value.toPrecision(4)));

function percent(share) {
  if (share > 0 && share < 0.001) return "below 0.1\u00a0%";
  if (share < 1 && share > 0.999) return "above 99.9\u00a0%";
  return `${(100 * share).toFixed(share < 0.0995 || share > 0.9005 ? 1 : 0).replace(/\.0$/, "")}\u00a0%`;
}

function valueOf(value) {
  if (value === null || value === "") return "no value";
  return typeof value === "number" ? numberOf(value) : apart(short(value.replace(/T00:00:00$/, "")));
}

const amount = (money, currency) => `${money.toLocaleString("en", { maximumFractionDigits: 2 })}\u00a0${currency}`;

function worth(point, currency) {
  if (currency === null || point.acting === null) return "";
  const acting = `Acting on such a row is worth ${amount(point.acting, currency)} on average`;
  return point.leaving === null ? `${acting}.` : `${acting}, leaving it alone ${amount(point.leaving, currency)}.`;
}

function bounds(one) {
  if (one.value === null) return "not assessed";
  const digits = Math.min(5, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(one.value) || 1))));
  const shown = (value) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
  return one.low === null ? shown(one.value) : `${shown(one.value)} (${shown(one.low)} to ${shown(one.high)})`;
}

const moment = (text) => new Date(text).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

// --- the form -----------------------------------------------------------------------------------

function hintOf(column) {
  const none = column.nullable ? ["may be empty"] : [];
  if (column.minimum !== null && column.maximum !== null)
    none.unshift(`${numberOf(column.minimum)} to ${numberOf(column.maximum)}`);
  return none.join("; ");
}

function choice(column, id) {
  const select = element("select", "", { id });
  if (column.nullable) select.append(element("option", "(no value)", { value: "none" }));
  column.categories.forEach((name, place) => select.append(element("option", name, { value: `${place}`, dir: "auto" })));
  select.append(element("option", OTHER, { value: "other" }));
  const text = element("input", "", { hidden: true, dir: "auto" });
  text.setAttribute("aria-label", `Other value of ${column.name}`);
  const show = () => { text.hidden = select.value !== "other"; };
  select.addEventListener("change", show);
  return {
    parts: [select, text],
    get: () => select.value === "none" ? null : select.value === "other" ? text.value : column.categories[select.value],
    set: (value) => {
      const place = column.categories.indexOf(value);
      select.value = value === null && column.nullable ? "none" : place >= 0 ? `${place}` : "other";
      text.value = select.value === "other" ? value ?? "" : "";
      show();
    },
    wrong: () => select.value === "other" && text.value === "" ? "a value is needed" : "",
  };
}

function dated(column) {
  const values = model.examples.map((example) => example.row[column.name]).filter((value) => value);
  return values.every((value) => /[T ]00:00:00$|^[\d-]{10}$/.test(value)) ? "date" : "datetime-local";
}

function typed(column, id) {
  const number = ["number", "integer"].includes(column.kind), date = column.kind === "date";
  const input = element(column.kind === "text" ? "textarea" : "input", "", { id });
  if (number) Object.assign(input, { type: "number", step: column.kind === "integer" ? "1" : "any" });
  else if (date) Object.assign(input, { type: dated(column), step: "1" });
  else input.dir = "auto";
  if (!column.nullable) input.setAttribute("aria-required", "true");
  const parts = [input];
  if (column.categories && !number && !date) {
    const list = element("datalist", "", { id: `${id}-list` });
    list.append(...column.categories.map((value) => element("option", "", { value })));
    input.setAttribute("list", list.id);
    parts.push(list);
  }
  const whole = (value) => String(value).replace(" ", "T").slice(0, input.type === "date" ? 10 : 19);
  return {
    parts,
    get: () => input.value === "" ? null : number ? Number(input.value) : input.value,
    set: (value) => { input.value = value === null ? "" : date ? whole(value) : String(value); },
    wrong: () => {
      if (input.validity.badInput) return number ? "a number is needed" : "a date is needed";
      if (column.kind === "integer" && input.value !== "" && Number(input.value) % 1) return "a whole number is needed";
      return input.value === "" && !column.nullable ? "a value is needed" : "";
    },
  };
}

function field(column, place) {
  const id = `column-${place}`;
  const few = column.categories && column.categories.length <= FEW && column.kind !== "text";
  const made = few ? choice(column, id) : typed(column, id);
  const label = element("label", column.name, { htmlFor: id, dir: "auto" });
  const hint = element("div", hintOf(column), { id: `${id}-hint`, className: "small" });
  const error = element("div", "", { id: `${id}-error`, className: "wrong" });
  made.parts[0].setAttribute("aria-describedby", `${hint.id} ${error.id}`);
  byId("row").append(element("div", "", {}, label, ...made.parts, hint, error));
  return { name: column.name, id, input: made.parts[0], error, ...made };
}

function read() {
  return Object.fromEntries(fields.map((f) => [f.name, f.get()]).filter(([, value]) => value !== null));
}

function fill(row) {
  for (const f of fields) f.set(row[f.name] ?? null);
}

function mark(f, message) {
  f.error.textContent = message;
  if (message) f.input.setAttribute("aria-invalid", "true");
  else f.input.removeAttribute("aria-invalid");
}

// --- what is wrong ------------------------------------------------------------------------------

function problems(lines) {
  byId("problem").replaceChildren(...lines.map(({ at, message }) => {
    const said = element("p", at ? "" : message);
    if (at) said.append(element("a", at.name, { href: `#${at.id}`, dir: "auto" }), `: ${message}`);
    return said;
  }));
  for (const { at, message } of lines) if (at) mark(at, message);
  const first = lines.find(({ at }) => at);
  if (first) first.at.input.focus();
}

function fail(error) {
  if (error.message === "401") return close();
  const lines = Array.isArray(error.detail)
    ? error.detail.map(({ loc, msg }) => {
      const name = loc.replace(/^rows\.0\./, ""), at = fields.find((f) => f.name === name);
      return { at, message: tame(at ? msg : `${name}: ${msg}`) };
    })
    : [{ message: error.detail ?? "The service does not answer." }];
  clear();
  byId("answer").replaceChildren();
  problems(lines);
}

function clear() {
  asked += 1;
  redraw = () => {};
  for (const f of fields) mark(f, "");
  for (const id of ["problem", "why", "move"]) byId(id).replaceChildren();
}

// Once: a change in a region that is read out is read out.
function invite() {
  if (byId("answer").querySelector(".invitation")) return;
  byId("answer").replaceChildren(element("p", "Fill in a row, or begin with one of those above it, and press Predict.", { className: "small invitation" }));
}

// --- the answer, in words -----------------------------------------------------------------------

function inWords(first) {
  const target = apart(model.target);
  if (!first.probabilities) return [`${target}: ${rounded(first.prediction)}`, ""];
  const words = `${target}: ${apart(first.prediction)}`;
  if (model.threshold === null) {
    const ranked = Object.entries(first.probabilities).sort((a, b) => b[1] - a[1]).slice(0, 5);
    return [`${words}, ${percent(ranked[0][1])}`, `Then ${ranked.slice(1).map(([name, share]) => `${apart(name)} ${percent(share)}`).join(", ")}.`];
  }
  const positive = model.classes[1], share = percent(first.probabilities[positive]);
  const from = model.threshold < 1
    ? `it acts from ${percent(model.threshold)}, where acting begins to pay`
    : "with the money in project.toml acting never pays";
  return [words, `Probability of ${apart(positive)}: ${share}; ${from}.`];
}

function gauge(share) {
  const bar = element("div"), from = element("i");
  bar.style.width = `${100 * share}%`;
  const made = element("div", "", { className: "gauge", ariaHidden: "true" }, bar);
  if (model.threshold !== null && model.threshold < 1) {
    from.style.left = `${100 * model.threshold}%`;
    made.append(from);
  }
  return made;
}

function answer(said, whatIf) {
  const first = said.predictions[0], [words, more] = inWords(first);
  const parts = [element("p", words, { className: "answer" })];
  if (first.probabilities) parts.push(gauge(first.probabilities[whatIf.of] ?? 0));
  for (const line of [more, worth(whatIf.now, whatIf.currency)]) if (line) parts.push(element("p", line));
  if (first.warnings.length) {
    const list = element("ul", "", {}, ...first.warnings.map((warning) => element("li", tame(warning))));
    parts.push(element("div", "Take it with care:", { className: "warnings" }, list));
  }
  parts.push(element("p", `Version ${said.version}, request ${said.request_id}`, { className: "small" }));
  byId("answer").replaceChildren(...parts);
}

function unit(moved, of) {
  const size = of === null ? numberOf(Number(Math.abs(moved).toPrecision(3))) : `${Number((100 * Math.abs(moved)).toPrecision(2))}`;
  return `${moved < 0 ? "−" : "+"}${size}${of === null ? "" : " points"}`;
}

function reason(one, of, most, whole) {
  const bar = element("div", "", { className: one.moved < 0 ? "down" : "up" });
  bar.style.width = `${(100 * Math.abs(one.moved)) / most}%`;
  const what = element("div", `${apart(short(one.column))}: ${valueOf(one.value)}`, { className: "what" });
  what.append(element("span", `typical: ${valueOf(one.typical)}`));
  const track = element("div", "", { className: whole ? "track whole" : "track", ariaHidden: "true" }, bar);
  return element("li", "", { className: "reason" }, what, track, element("div", unit(one.moved, of), { className: "moved" }));
}

function because(why) {
  const of = why.of === null ? null : apart(why.of);
  const typical = of === null ? rounded(why.typical) : `${percent(why.typical)} for ${of}`;
  const most = Math.max(...why.reasons.map((one) => Math.abs(one.moved)));
  const shown = why.reasons.slice(0, SHOWN), whole = shown.every((one) => one.moved > 0);
  const text = why.reasons.length
    ? `Each column in turn is given its typical value, and the bar shows what that changes; they do not add up. What moves too little to be seen is left out. A typical row gets ${typical}.`
    : `Nothing stands out: no column on its own moves this prediction far enough to be seen. A typical row gets ${typical}.`;
  const list = element("ul", "", { className: "reasons" }, ...shown.map((one) => reason(one, why.of, most, whole)));
  list.setAttribute("role", "list");
  byId("why").replaceChildren(
    element("h3", of === null ? "What moved it" : `What moved the probability of ${of}`),
    element("p", text, { className: "small" }),
    list,
  );
}

// --- what if one value were another -------------------------------------------------------------

const heightOf = (point) => point.probability ?? point.prediction;
const acts = ({ of, threshold }) => of !== null && threshold !== null && threshold < 1;

function saidOf(point, whatIf) {
  const asIs = point.value === whatIf.now.value;
  const to = `${asIs ? "As it is, with" : "With"} ${apart(whatIf.column)} ${valueOf(point.value)}`;
  const shown = (one) => whatIf.of === null ? rounded(one.prediction) : percent(one.probability);
  const of = whatIf.of === null ? "" : ` for ${apart(whatIf.of)}`, word = of && `${apart(point.prediction)}, `;
  const before = asIs ? "" : `; as it is ${shown(whatIf.now)}`;
  return `${to}: ${word}${shown(point)}${of}${before}. ${worth(point, whatIf.currency)}`.trim();
}

function drawn(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function steps(low, high) {
  const rough = (high - low || Math.abs(high) || 1) / 3, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough);
  const first = Math.floor(low / step), last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, place) => (first + place) * step);
}

// Places on a chart of numbers: the last point may be the row without a value, which stands apart.
function scales(whatIf, width) {
  const heights = [...whatIf.points.map(heightOf), heightOf(whatIf.now)];
  if (whatIf.of !== null) heights.push(0);
  if (acts(whatIf)) heights.push(whatIf.threshold);
  const marks = steps(Math.min(...heights), Math.max(...heights)), low = marks[0], high = marks.at(-1);
  const values = whatIf.points.map((point) => point.value).filter((value) => value !== null);
  const apartFrom = values.length < whatIf.points.length ? 52 : 0;
  const left = 54, right = width - 12 - apartFrom, span = values.at(-1) - values[0] || 1;
  return {
    marks, left, right, values,
    x: (value) => value === null ? width - 24 : left + ((value - values[0]) / span) * (right - left),
    y: (height) => 12 + (1 - (height - low) / (high - low)) * (HEIGHT - 42),
  };
}

function axes(whatIf, width, { marks, left, right, values, x, y }) {
  const shown = whatIf.of === null ? numberOf : percent, parts = [];
  for (const one of marks) {
    parts.push(drawn("line", { class: "grid", x1: left, x2: width - 4, y1: y(one), y2: y(one) }));
    parts.push(drawn("text", { x: left - 8, y: y(one) + 4, "text-anchor": "end" }, shown(Number(one.toPrecision(12)))));
  }
  parts.push(drawn("text", { x: left, y: HEIGHT - 6 }, numberOf(values[0])));
  parts.push(drawn("text", { x: right, y: HEIGHT - 6, "text-anchor": "end" }, numberOf(values.at(-1))));
  if (values.length < whatIf.points.length) parts.push(drawn("text", { x: x(null), y: HEIGHT - 6, "text-anchor": "middle" }, "none"));
  if (!acts(whatIf)) return parts;
  const from = y(whatIf.threshold);
  parts.push(drawn("line", { class: "from", x1: left, x2: width - 4, y1: from, y2: from }));
  parts.push(drawn("text", { x: width - 4, y: from - 5, "text-anchor": "end" }, `acts from ${percent(whatIf.threshold)}`));
  return parts;
}

function chart(whatIf, picture, chosen) {
  const width = Math.max(240, picture.clientWidth), scale = scales(whatIf, width), { x, y } = scale;
  const place = (point) => ({ cx: x(point.value), cy: y(heightOf(point)) });
  const line = whatIf.points.filter((point) => point.value !== null).map((point) => `${x(point.value)},${y(heightOf(point))}`);
  picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  picture.setAttribute("height", HEIGHT);
  picture.replaceChildren(
    ...axes(whatIf, width, scale),
    drawn("polyline", { class: "curve", points: line.join(" ") }),
    ...whatIf.points.map((point) => drawn("circle", { class: "point", r: 2.5, ...place(point) })),
    drawn("circle", { class: "now", r: 5, ...place(whatIf.now) }),
    drawn("circle", { class: "here", r: 7, ...place(whatIf.points[chosen]) }),
  );
}

function slider(whatIf, own, show) {
  const input = element("input", "", { id: "to", type: "range", min: "0", max: `${whatIf.points.length - 1}`, step: "1", value: `${own}` });
  const label = element("label", "to", { htmlFor: "to" });
  const picture = drawn("svg", { role: "img" });
  const said = whatIf.points.map((point) => saidOf(point, whatIf));
  picture.setAttribute("aria-label", `${said[0]} ${said.at(-1)}`);
  redraw = () => chart(whatIf, picture, Number(input.value));
  const moved = () => {
    const point = whatIf.points[input.value];
    label.textContent = `to ${valueOf(point.value)}`;
    input.setAttribute("aria-valuetext", saidOf(point, whatIf));
    redraw();
    show(point);
  };
  input.addEventListener("input", moved);
  return { beside: [label, input], below: [picture], begin: moved, live: "off" };
}

function options(whatIf, own, show) {
  const heights = whatIf.points.map(heightOf), from = acts(whatIf) ? whatIf.threshold : 0;
  const most = Math.max(from, ...heights), low = Math.min(0, ...heights);
  const list = element("fieldset", "", {}, element("legend", "to"));
  whatIf.points.forEach((point, place) => {
    const radio = element("input", "", { type: "radio", name: "to", checked: place === own });
    radio.addEventListener("change", () => show(point));
    const bar = element("div"), height = heightOf(point);
    bar.style.width = `${(100 * (height - low)) / (most - low || 1)}%`;
    const track = element("span", "", { className: "track", ariaHidden: "true" }, bar);
    if (acts(whatIf)) {
      const threshold = element("i");
      threshold.style.left = `${(100 * from) / most}%`;
      track.append(threshold);
    }
    const named = element("span", short(point.value ?? "no value"), { dir: "auto" });
    const shown = element("span", whatIf.of === null ? rounded(height) : percent(height), { className: "moved" });
    list.append(element("label", "", { className: "option" }, radio, named, track, shown));
  });
  return { beside: [], below: [list], begin: () => show(whatIf.points[own]), live: "polite" };
}

function move(whatIf, row, columns) {
  const said = element("p", "", { id: "moved-said" }), keep = element("button", "Put it into the form", { type: "button" });
  const select = element("select", "", { id: "moved" }, ...columns.map((name) => element("option", name, { value: name, dir: "auto" })));
  select.value = whatIf.column;
  select.addEventListener("change", async () => { await moveTo(select.value, row, columns); byId("moved")?.focus(); });
  let chosen = whatIf.now;
  const show = (point) => { chosen = point; said.textContent = saidOf(point, whatIf); };
  keep.addEventListener("click", () => {
    const f = fields.find((one) => one.name === whatIf.column);
    f.set(chosen.value);
    changed();
    f.input.focus();
  });
  const own = Math.max(0, whatIf.points.findIndex((point) => point.value === whatIf.now.value));
  const numbers = whatIf.points.every((point) => point.value === null || typeof point.value === "number");
  const made = (numbers ? slider : options)(whatIf, own, show);
  said.setAttribute("aria-live", made.live);
  byId("move").replaceChildren(
    element("h3", "What if one value were another?"),
    element("p", "Everything else stays as it is, and nothing is kept. It shows how the model answers, not what would come of a change.", { className: "small" }),
    element("div", "", { className: "pair" }, element("div", "", {}, element("label", "Move", { htmlFor: "moved" }), select), element("div", "", {}, ...made.beside)),
    ...made.below, said, keep,
  );
  made.begin();
}

async function moveTo(name, row, columns) {
  const number = asked += 1;  // of two that are under way the later counts
  try {
    const whatIf = await ask(`/what-if?column=${encodeURIComponent(name)}`, { rows: [row] });
    if (number === asked) move(whatIf, row, columns);
  } catch (error) {
    fail(error);
  }
}

// --- the model itself ---------------------------------------------------------------------------

function table(head, rows) {
  const top = element("tr", "", {}, ...head.map((text) => element("th", text, { scope: "col" })));
  const body = rows.map(([first, ...cells]) => element("tr", "", {}, element("th", first, { scope: "row", dir: "auto" }), ...cells.map((text) => element("td", text))));
  return element("table", "", {}, element("thead", "", {}, top), element("tbody", "", {}, ...body));
}

function block(title, ...inside) {
  return element("div", "", {}, element("h3", title), ...inside);
}

function watched(card) {
  if (!card.watched) return [element("p", "Nobody has checked yet whether what comes in still looks like what it was trained on. Unknown is not fine: run `drift`.")];
  const { verdict, reason, at, version } = card.watched;
  const of = version !== null && version !== card.version ? ` It was about version ${version}, not about the one that serves.` : "";
  return [element("p", "", {}, element("strong", verdict), ` on ${moment(at)}: ${tame(reason)}.${of}`)];
}

function blocks(card) {
  const people = card.groups.length
    ? table(["group", "rows", card.metric], card.groups.map((one) => [`${apart(one.column)}: ${apart(one.value)}`, one.rows.toLocaleString("en"), bounds(one.score)]))
    : element("p", "No sensitive column is named in project.toml, so no groups of people were compared.");
  const leads = card.leads.map((one) => element("li", `Against “${one.name}” a row earns ${bounds(one)} ${card.currency} more.`));
  const caveats = card.caveats.length ? card.caveats : ["Nothing is known to be missed, or too small to be assessed."];
  return [
    block("Since it serves", ...watched(card)),
    block("How good it is", table(["score, higher is better", "95\u00a0% interval"], [...card.scores.map((one) => [one.name, bounds(one)]), [`${card.metric} without any column`, bounds({ value: card.baseline, low: null })]])),
    ...(leads.length ? [block("What it is worth", element("ul", "", {}, ...leads))] : []),
    block("For whom", people),
    block("What it looks at", table(["column", `${card.metric} lost without it`], card.importances.map((one) => [one.name, bounds(one)]))),
    block("What is not known, or not good", element("ul", "", {}, ...caveats.map((text) => element("li", tame(text))))),
    block("Where it comes from", element("p", `Trained on ${moment(card.trained_at)} on ${card.fitted_rows.toLocaleString("en")} rows; tested on ${card.test_rows.toLocaleString("en")}. ${card.judged}`), element("p", `${model.compiled_why.replace(/^./, (letter) => letter.toUpperCase())}.`)),
  ];
}

async function about() {
  const card = await ask("/card");
  byId("card").replaceChildren(
    element("h2", "The model’s card", { id: "card-title" }),
    element("p", `${card.summary} What only people can say (who may use it, for what, who can object) stands in docs/model-card.md, which \`card\` writes.`, { className: "small lead" }),
    element("div", "", { className: "columns" }, ...blocks(card)),
  );
  byId("card").hidden = false;
  return card.watched;
}

function state(ready, drift) {
  const calm = ["quiet", "watch"], known = drift && drift.verdict !== "insufficient data";
  const items = [
    ready ? [`Ready: version ${ready.version} serves`, ""] : ["Not ready: send nothing here", "bad"],
    [model.compiled ? "A compiled form answers" : "The pipeline answers", model.compiled ? "" : "unknown"],
    drift ? [`Last drift check: ${drift.verdict}, ${moment(drift.at)}`, known ? (calm.includes(drift.verdict) ? "" : "bad") : "unknown"] : ["No drift check yet", "unknown"],
  ];
  byId("state").replaceChildren(...items.map(([text, className]) => element("li", text, { className })));
}

// --- use it: ready to paste ---------------------------------------------------------------------

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// On one line, with blanks to break it at.
const inLine = (content) => JSON.stringify(content, null, 1).replace(/\n */g, " ");

function curl(path, content) {
  const header = locked ? " -H 'X-API-Key: YOUR-KEY'" : "";
  return `curl -s ${quoted(HERE + path)} -H 'Content-Type: application/json'${header} \\\n  -d ${quoted(inLine(content))}`;
}

function python(row, value) {
  const header = locked ? ', "X-API-Key": "YOUR-KEY"' : "";
  const cells = Object.entries(row).map(([name, cell]) => `    ${JSON.stringify(name)}: ${JSON.stringify(cell)},`);
  return [
    "import json", "from urllib.request import Request, urlopen", "",
    `SERVICE = ${JSON.stringify(HERE)}`, `HEADERS = {"Content-Type": "application/json"${header}}`, "", "",
    "def post(path, content):", "    body = json.dumps(content).encode()",
    "    with urlopen(Request(SERVICE + path, body, HEADERS)) as answer:", "        return json.load(answer)", "", "",
    "row = {", ...cells, "}",
    'said = post("/predict", {"rows": [row]})', 'print(said["predictions"][0])',
    'print(post("/explain", {"rows": [row]})["reasons"])', "",
    "# Later, with what really happened as value:",
    `outcome = {"request_id": said["request_id"], "row": 0, "value": ${JSON.stringify(value)}}`,
    'print(post("/outcomes", {"outcomes": [outcome]}))',
  ].join("\n");
}

async function copy(code) {
  getSelection().selectAllChildren(code);
  // Only a page from this machine or by https may write to the clipboard; the selection is there.
  await navigator.clipboard?.writeText(code.textContent);
}

function snippet(title, note) {
  const code = element("code"), button = element("button", "Copy", { type: "button" });
  button.setAttribute("aria-label", `Copy: ${title}`);
  button.addEventListener("click", () => copy(code));
  const pre = element("pre", "", { tabIndex: 0 }, code);
  byId("use").append(element("h3", title), element("div", note, { className: "small" }), element("div", "", { className: "code" }, pre, button));
  return code;
}

function uses() {
  const value = model.classes.at(-1) ?? 1;  // a whole number is a value of any number's kind
  const codes = {
    predict: snippet("Predict, with curl", ""),
    explain: snippet("Ask why", ""),
    outcomes: snippet("Send what really happened", "request_id is what /predict answered; row is the place among the rows that were sent, from 0."),
    python: snippet("All three in Python", "Nothing to install: the standard library does."),
  };
  return () => {
    const row = read(), outcome = { request_id: lastRequest, row: 0, value };
    codes.predict.textContent = curl("/predict", { rows: [row] });
    codes.explain.textContent = curl("/explain", { rows: [row] });
    codes.outcomes.textContent = curl("/outcomes", { outcomes: [outcome] });
    codes.python.textContent = python(row, value);
  };
}

// --- together -----------------------------------------------------------------------------------

let update = () => {};

function changed(example = null) {
  for (const button of byId("examples").children) button.setAttribute("aria-pressed", `${button === example}`);
  update();
  clear();
  invite();
}

function nameOf(which) {
  const one = model.classes.at(-1);
  const names = {
    binary: [`Most likely ${one}`, "In between", `Least likely ${one}`],
    multiclass: ["Surest", "In between", "Least sure"],
    regression: [`Highest ${model.target}`, "In between", `Lowest ${model.target}`],
  }[model.task];
  return { typical: "Typical row", highest: names[0], middle: names[1], lowest: names[2] }[which];
}

function examples() {
  for (const which of ["typical", "highest", "middle", "lowest"]) {
    const example = model.examples.find((one) => one.which === which);
    if (!example) continue;
    const button = element("button", nameOf(which), { type: "button" });
    button.addEventListener("click", () => { fill(example.row); changed(button); });
    byId("examples").append(button);
  }
  byId("examples").firstChild?.click();
}

async function predict(event) {
  event.preventDefault();
  clear();
  const lines = fields.map((at) => ({ at, message: at.wrong() })).filter(({ message }) => message);
  if (lines.length) return problems(lines);
  const number = asked, row = read(), content = { rows: [row] };
  try {
    const [said, why, whatIf] = await Promise.all(["/predict", "/explain", "/what-if"].map((path) => ask(path, content)));
    lastRequest = said.request_id;
    update();
    if (number !== asked) return;  // the row has changed since
    answer(said, whatIf);
    because(why);
    const [first] = [...why.reasons.map((one) => one.column), ...whatIf.columns].filter((name) => whatIf.columns.includes(name));
    if (first !== undefined) await moveTo(first, row, whatIf.columns);
  } catch (error) {
    fail(error);
  }
}

async function begin(found) {
  model = found;
  document.title = byId("name").textContent = model.name;
  byId("lead").textContent = `Predicts ${apart(model.target)} with ${model.candidate}: ${tame(model.headline)}.`;
  byId("door").hidden = true;
  if (!fields.length) {
    fields = model.columns.map(field);
    update = uses();
    byId("row").addEventListener("input", () => changed());
    byId("row").addEventListener("submit", predict);
    addEventListener("resize", () => redraw());
    examples();
  }
  byId("inside").hidden = byId("use").hidden = false;
  const [ready, drift] = await Promise.all([ask("/health/ready").catch(() => null), about()]);
  state(ready, drift);
}

// The key is wrong, or has been taken back.
function close() {
  const tried = key;
  [key, locked] = ["", true];
  byId("door").hidden = false;
  byId("inside").hidden = byId("use").hidden = byId("card").hidden = true;
  byId("problem").replaceChildren(...(tried ? [element("p", "This key is not valid here.")] : []));
  byId("key").focus();
}

async function start() {
  byId("name").textContent = "Try the model";
  try {
    await begin(await ask("/model"));
  } catch (error) {
    fail(error);
  }
}

byId("door").addEventListener("submit", (event) => {
  event.preventDefault();
  key = byId("key").value;
  byId("key").value = "";
  byId("problem").replaceChildren();
  start();
});

start();
