// Search and commands in one box: a combobox with a list (ARIA Authoring Practices, "Editable Combobox With List
// Autocomplete"). The first key that opens it loads this.
const one = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const sprite = one("svg.icon use")?.getAttribute("href").split("#")[0];
const icon = (name) => {
  const [svg, use] = ["svg", "use"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
};
const GROUPS = {
  INCIDENT: ["Incidents", "incident"], SERVICE: ["Services", "service"], USER: ["People", "user"], TEAM: ["Teams", "team"],
  SCHEDULE: ["Schedules", "calendar"], ESCALATION_POLICY: ["Escalation policies", "policy"], INTEGRATION: ["Integrations", "hook"],
  PAGE: ["Pages", "right"], GUIDE: ["Guide", "note"],
};

// What was chosen lately, in this browser and by this person.
const RECENT_MAX = 6;
// Of each kind so many: the page of results has more.
const KIND_MAX = 5;
const me = document.body.dataset.me;
const recent = () => {
  try {
    const kept = JSON.parse(localStorage.getItem("recent"));
    return kept?.me === me ? kept.list : [];
  } catch { return []; }
};
const remember = ({ title, detail, path, symbol }) => {
  const list = [{ title, detail, path, symbol }, ...recent().filter((entry) => entry.path !== path)].slice(0, RECENT_MAX);
  try { localStorage.setItem("recent", JSON.stringify({ me, list })); } catch { /* Then there is none next time. */ }
};

// What can be done from here. Everything is a link or a button of the page itself, so nothing is offered that is not allowed.
const commands = () => {
  const words = (element) => (element.querySelector(".label") ?? element).textContent.replace(/\s+/g, " ").trim();
  const here = all("[data-key]").map((button) => ({ group: "On this page", symbol: "check", title: words(button), run: () => button.click() }));
  const fresh = one("#palette-actions");
  const links = fresh ? all("a", fresh.content).map((link) => ({ group: "Do", symbol: link.dataset.icon, title: words(link), path: link.getAttribute("href") })) : [];
  const pages = all(".sidebar li a").map((link) => ({ group: "Go to", symbol: "right", title: `Go to ${one("span", link).textContent}`, path: link.getAttribute("href") }));
  const themes = all("button[name=theme]").map((button) => ({ group: "Theme", symbol: "settings", title: `Theme: ${words(button).toLowerCase()}`, run: () => button.click() }));
  return [...here, ...links, ...pages, ...themes];
};
const fits = (words, title) => words.every((word) => title.toLowerCase().includes(word));

const input = make("input", {
  id: "palette-input", type: "text", role: "combobox", "aria-label": "Search, or do something", "aria-expanded": "true", "aria-controls": "palette-list",
  "aria-autocomplete": "list", autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: "200", placeholder: "Search, or do something", enterkeyhint: "go",
});
const list = make("div", { id: "palette-list", role: "listbox", "aria-label": "What fits" });
const status = make("p", { class: "visually-hidden", role: "status" });
const close = make("button", { type: "button", class: "btn quiet icon-only", "aria-label": "Close" }, icon("cross"));
const foot = make("p", { class: "foot desk-only", "aria-hidden": "true" });
for (const [key, text] of [["↑", ""], ["↓", "choose"], ["Enter", "open"], ["Esc", "close"]]) foot.append(make("kbd", {}, key), ` ${text} `);
const dialog = make("dialog", { class: "palette", "aria-label": "Search and commands" }, make("div", { class: "box" }, icon("search"), input, close), list, status, foot);
document.body.append(dialog);

let entries = [];
let at = 0;
const choose = (index) => {
  const options = all("[role=option]", list);
  at = Math.max(0, Math.min(options.length - 1, index));
  options.forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
  const chosen = options[at];
  if (chosen) { input.setAttribute("aria-activedescendant", chosen.id); chosen.scrollIntoView({ block: "nearest" }); }
  else input.removeAttribute("aria-activedescendant");
};
const show = (fresh, said) => {
  entries = fresh;
  list.dataset.for = asked;
  const groups = Map.groupBy ? Map.groupBy(entries, (entry) => entry.group) : entries.reduce((map, entry) => map.set(entry.group, [...(map.get(entry.group) ?? []), entry]), new Map());
  entries = [...groups.values()].flat();
  let n = 0;
  list.replaceChildren(...[...groups].map(([name, members], place) => make(
    "div", { role: "group", "aria-labelledby": `palette-group-${place}` },
    make("p", { class: "group", id: `palette-group-${place}`, role: "presentation" }, name),
    ...members.map((entry) => make(
      "div", { role: "option", id: `palette-option-${n}`, "data-n": String(n++), "aria-selected": "false" },
      icon(entry.symbol ?? "right"), make("span", { class: "name" }, entry.title), make("span", { class: "sub" }, entry.detail ?? ""),
    )),
  )));
  if (!entries.length && said) list.append(make("p", { class: "none" }, said));
  status.textContent = entries.length ? `${entries.length} ${entries.length === 1 ? "result" : "results"}` : said;
  choose(0);
};
const run = (entry, event) => {
  if (!entry) return;
  dialog.close();
  if (entry.run) { entry.run(); return; }
  if (!["Do", "Go to"].includes(entry.group)) remember(entry);
  if (event.ctrlKey || event.metaKey) globalThis.open(entry.path, "_blank", "noopener");
  else location.href = entry.path;
};

// One question at a time: what was typed meanwhile is asked when the answer is there.
let asking = false;
let asked = null;
let timer = 0;
const look = async () => {
  const text = input.value.trim();
  if (asking || text === asked) return;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const mine = commands().filter((command) => fits(words, command.title));
  if (!text) {
    asked = "";
    const lately = recent().map((entry) => ({ ...entry, group: "Recent" }));
    show([...lately, ...mine], "");
    return;
  }
  asking = true;
  asked = text;
  let found = [];
  let said = "Nothing matches. Try fewer letters.";
  try {
    const answer = await fetch(`/api/search?${new URLSearchParams({ q: text })}`, { headers: { accept: "application/json" }, credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const seen = {};
    const few = ({ type }) => (seen[type] = (seen[type] ?? 0) + 1) <= KIND_MAX;
    found = (await answer.json()).data.filter(few).map(({ type, title, detail, path }) => ({ group: GROUPS[type]?.[0] ?? type, symbol: GROUPS[type]?.[1], title, detail, path }));
  } catch {
    said = "The server could not be asked. Commands still work.";
  }
  asking = false;
  if (input.value.trim()) show([...mine.filter((command) => command.group === "On this page"), ...found, ...mine.filter((command) => command.group !== "On this page").slice(0, 5)], said);
  look();
};
input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 120); });
input.addEventListener("keydown", async (event) => {
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
  if (by) {
    event.preventDefault();
    const last = entries.length - 1;
    choose(at === last && by === 1 ? 0 : at === 0 && by === -1 ? last : at + by);
  } else if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    const typed = input.value.trim();
    // Whoever types and presses Enter at once means what was typed, not what was shown before.
    if (typed && typed !== asked) { location.href = `/search?${new URLSearchParams({ q: typed })}`; return; }
    run(entries[at], event);
  }
});
list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) run(entries[Number(option.dataset.n)], event);
});
list.addEventListener("pointermove", (event) => {
  const option = event.target.closest("[role=option]");
  if (option && Number(option.dataset.n) !== at) choose(Number(option.dataset.n));
});
close.addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

/** Opens the box with these words in it. */
export const open = (text) => {
  if (dialog.open) return;
  input.value = text;
  asked = null;
  dialog.showModal();
  input.select();
  look();
};
