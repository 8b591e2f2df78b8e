// Keys. Every one is a short way to something that a click does as well.
const one = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const single = document.body.dataset.keys === "on";

const palette = async () => (await import(document.body.dataset.palette)).open(one("#search")?.value ?? "");
const move = (by) => {
  const rows = all("tr[data-href]");
  if (!rows.length) return false;
  const at = rows.findIndex((row) => row.ariaSelected === "true");
  const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  for (const row of rows) row.removeAttribute("aria-selected");
  next.ariaSelected = "true";
  one("a", next)?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
};
const press = (key) => { const button = one(`[data-key="${key}"]`); button?.click(); return !!button; };

// The list of shortcuts has those that do something on this page.
const help = one("#shortcuts");
help?.addEventListener("beforetoggle", () => {
  for (const term of all("[data-needs]", help)) term.hidden = term.nextElementSibling.hidden = !one(term.dataset.needs);
});

const keys = {
  "/": () => { palette(); return true; },
  "?": () => { help.showPopover(); return true; },
  j: () => move(1),
  k: () => move(-1),
  a: () => press("acknowledge"),
  r: () => press("resolve"),
};
// These need no letter, so they work also where letters are switched off (WCAG 2.1.4).
const always = {
  ArrowDown: () => (one("tr[aria-selected=true]") ? move(1) : false),
  ArrowUp: () => (one("tr[aria-selected=true]") ? move(-1) : false),
  Enter: () => {
    const row = one("tr[aria-selected=true]");
    if (!row || document.activeElement?.matches("button, summary, input, a:not(tr[aria-selected=true] a)")) return false;
    location.href = row.dataset.href;
    return true;
  },
};

const isTyping = (event) => event.target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const isOpen = () => !!one("dialog[open], [popover]:popover-open");
const isPlain = (event) => !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing && !isTyping(event) && !isOpen();

// Before any other module hears of a key: the second of a pair is for nobody else, and letters that are switched off are
// for nobody.
const PAIR_WITHIN_MS = 1500;
let until = 0;
addEventListener("keydown", (event) => {
  if (!isPlain(event)) return;
  if (!single && event.key.length === 1 && event.key !== " ") { event.stopImmediatePropagation(); return; }
  const link = performance.now() < until && one(`.sidebar a[data-go="${CSS.escape(event.key)}"]`);
  until = 0;
  if (!link) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  link.click();
}, true);
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (!isOpen()) palette();
    return;
  }
  if (!isPlain(event)) return;
  if (event.key === "g") until = performance.now() + PAIR_WITHIN_MS;
  else if (always[event.key]?.() || keys[event.key]?.()) event.preventDefault();
});

// The box in the header opens the same for whoever clicks into it; by Tab it stays a plain box.
one("#search")?.addEventListener("pointerdown", (event) => {
  if (event.pointerType === "mouse" && event.button) return;
  event.preventDefault();
  palette();
});
