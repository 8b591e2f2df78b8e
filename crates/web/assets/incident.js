// An incident's page: raw bodies are fetched when they are unfolded, and an @ in a note proposes people. Without this
// file the fold holds a link, and a name is typed.

const part = async (path, selector) => {
  const answer = await fetch(path, { headers: { accept: "text/html" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(answer.status);
  return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(selector);
};

// A live region that is replaced unfolds its folds again, and what they hold is asked for again.
document.addEventListener("toggle", async (event) => {
  const fold = event.target;
  if (!fold.open || !fold.dataset?.raw || fold.querySelector("pre")) return;
  try {
    const body = await part(fold.dataset.raw, "#event-body");
    if (!body || fold.querySelector("pre")) return;
    const pre = document.createElement("pre");
    pre.className = "raw";
    pre.tabIndex = 0;
    pre.textContent = body.textContent;
    fold.querySelector("summary").after(pre);
  } catch { /* The link beneath leads there. */ }
}, true);

// A sheet that was opened from "More actions" lies over it. When its form is sent both are done with.
document.addEventListener("submit", (event) => {
  if (event.target.closest("#incident-sheets")) document.getElementById("more-sheet")?.hidePopover();
});

// Mentions: a list box (WAI-ARIA Authoring Practices, combobox) under the text area.
const WORD = /(?:^|[\s(])@([\p{L}\p{N}._-]{1,40})$/u;
let list = null;
let turn = 0;

const close = (area) => {
  list?.remove();
  list = null;
  area.removeAttribute("aria-activedescendant");
  area.removeAttribute("aria-controls");
};
const typed = (area) => WORD.exec(area.value.slice(0, area.selectionStart))?.[1];
const mark = (area, index) => {
  const rows = [...list.children];
  const at = (index + rows.length) % rows.length;
  rows.forEach((row, n) => { row.ariaSelected = String(n === at); });
  area.setAttribute("aria-activedescendant", rows[at].id);
};
const take = (area, row) => {
  const word = typed(area);
  const end = area.selectionStart;
  if (word !== undefined) area.setRangeText(`${row.dataset.word} `, end - word.length, end, "end");
  close(area);
  area.focus();
};
const show = (area, people) => {
  close(area);
  if (!people.length) return;
  list = document.createElement("ul");
  list.className = "people-list";
  list.id = "people-list";
  list.role = "listbox";
  list.ariaLabel = "People";
  people.forEach((person, n) => {
    const row = document.createElement("li");
    row.id = `people-${n}`;
    row.role = "option";
    const local = person.email.split("@")[0];
    row.dataset.word = /^[\p{L}\p{N}._-]+$/u.test(local) ? local : person.name.split(/\s/)[0];
    row.textContent = person.name;
    const word = document.createElement("span");
    word.className = "sub";
    word.textContent = `@${row.dataset.word}`;
    row.append(word);
    row.addEventListener("pointerdown", (event) => { event.preventDefault(); take(area, row); });
    list.append(row);
  });
  area.after(list);
  area.setAttribute("aria-controls", list.id);
  mark(area, 0);
};

document.addEventListener("input", async (event) => {
  const area = event.target;
  if (!area.matches?.("textarea.mentions")) return;
  const word = typed(area);
  const mine = ++turn;
  if (!word) { close(area); return; }
  try {
    const answer = await fetch(`/api/users?limit=6&q=${encodeURIComponent(word)}`, { credentials: "same-origin" });
    if (!answer.ok || mine !== turn || typed(area) !== word) return;
    const people = (await answer.json()).data;
    show(area, people.filter((person) => person.status !== "DISABLED"));
  } catch { /* Whoever knows the name types it. */ }
});
document.addEventListener("keydown", (event) => {
  const area = event.target;
  if (!list || !area.matches?.("textarea.mentions")) return;
  const at = [...list.children].findIndex((row) => row.ariaSelected === "true");
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (steps[event.key]) mark(area, at + steps[event.key]);
  else if (event.key === "Enter" || event.key === "Tab") take(area, list.children[at]);
  else if (event.key === "Escape") close(area);
  else return;
  event.preventDefault();
  event.stopPropagation();
}, true);
document.addEventListener("focusout", (event) => { if (list && event.target.matches?.("textarea.mentions")) close(event.target); });
