// The list of incidents: selecting with keys and ranges, working on the selection, and staying up to date without
// losing it. Everything here can be done without this file, by one form.
const one = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const bulk = one("#bulk");
const boxes = () => all("#incident-rows input[name=ids]");
const picked = () => boxes().filter((box) => box.checked);
const rowOf = (box) => box.closest("tr");

// What every page has for short words is asked to say them.
const say = (text) => document.dispatchEvent(new CustomEvent("say", { detail: text }));

// How long a time has passed; the same rule as views/time.rs.
const passed = (seconds) => {
  if (seconds < 60) return "under 1 min";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
};
setInterval(() => {
  for (const time of all("time[data-passed]")) time.textContent = passed((Date.now() - Date.parse(time.dateTime)) / 1000);
}, 15000);

// Selection.
let last = null;
const count = () => {
  const boxed = boxes();
  const n = boxed.filter((box) => box.checked).length;
  const says = one("#bulk-count");
  if (says) says.textContent = n ? `${n} selected` : "";
  const head = one("#pick-all");
  if (head) {
    head.checked = n > 0 && n === boxed.length;
    head.indeterminate = n > 0 && n < boxed.length;
  }
};
const pick = (box, on) => { box.checked = on; last = box.id; count(); };
const clear = () => { for (const box of picked()) box.checked = false; last = null; count(); };
const range = (box) => {
  const boxed = boxes();
  const from = boxed.findIndex((other) => other.id === last);
  const to = boxed.indexOf(box);
  if (from < 0) return;
  for (const other of boxed.slice(Math.min(from, to), Math.max(from, to) + 1)) other.checked = box.checked;
};
bulk?.addEventListener("click", (event) => {
  const box = event.target;
  if (box.name === "ids") {
    if (event.shiftKey) range(box);
    last = box.id;
    count();
  } else if (box.id === "pick-all") {
    for (const other of boxes()) other.checked = box.checked;
    count();
  } else if (box.closest("#bulk-clear")) clear();
});
// A label that is clicked with Shift would mark text instead.
bulk?.addEventListener("mousedown", (event) => { if (event.shiftKey && event.target.closest(".pick")) event.preventDefault(); });

// Keys: before those of the page, which know one incident only.
const current = () => one("tr[aria-selected=true]") ?? document.activeElement?.closest("tr[data-href]");
const boxOf = (row) => row && one("input[name=ids]", row);
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input:not([type=checkbox]), textarea, select");
  if (!bulk || typing || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open], [popover]:popover-open")) return;
  const stop = () => { event.preventDefault(); event.stopImmediatePropagation(); };
  const box = boxOf(current());
  if (event.key === "x" && box) {
    stop();
    pick(box, !box.checked);
  } else if (event.key === "X" && box) {
    stop();
    box.checked = true;
    range(box);
    pick(box, true);
  } else if (event.key === "Escape" && picked().length) {
    stop();
    clear();
  } else if (event.key === "a" || event.key === "r") {
    const button = one(`[data-key="${event.key === "a" ? "acknowledge" : "resolve"}"]`, bulk);
    if (!button) return;
    stop();
    if (!picked().length && box) pick(box, true);
    if (picked().length) button.click();
  }
}, true);

// Staying up to date. Rows that are known change in place, with their boxes and the focus left alone. On the first page
// new ones come in on top, unless somebody reads further down or has selected some: then they are only counted.
const load = async (path, options) => {
  const answer = await fetch(path, { headers: { accept: "text/html" }, credentials: "same-origin", ...options });
  return { answer, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
};
const replace = (id, page) => {
  const [old, next] = [document.getElementById(id), page.getElementById(id)];
  if (old && next && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(next));
};
const update = (old, next) => {
  old.className = `${next.className}${old.classList.contains("fresh") ? " fresh" : ""}`;
  const cells = [...next.cells];
  [...old.cells].forEach((cell, n) => {
    const fresh = cells[n];
    if (!fresh || cell.matches(".pick-cell") || cell.innerHTML === fresh.innerHTML) return;
    const href = cell.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    cell.replaceChildren(...fresh.childNodes);
    if (href) all("a", cell).find((link) => link.getAttribute("href") === href)?.focus({ preventScroll: true });
  });
};
let held = null;
const note = one("#fresh-note");
const merge = (page, whole) => {
  for (const id of ["quick-lists", "incidents-pager"]) replace(id, page);
  const [body, next] = [one("#incident-rows"), one("#incident-rows", page)];
  if (!body || !next) {
    replace("incident-list", page);
    count();
    return;
  }
  const known = new Map([...body.rows].map((row) => [row.id, row]));
  // What comes in above a row that was here is new; what moves up from below is not.
  const fresh = new Set();
  let above = false;
  for (const row of [...next.rows].reverse()) {
    if (known.has(row.id)) above = true;
    else if (above && bulk.dataset.first !== undefined) fresh.add(row.id);
  }
  for (const row of next.rows) if (known.has(row.id)) update(known.get(row.id), row);
  const busy = picked().length > 0 || body.contains(document.activeElement) || scrollY > 240;
  if (!whole && busy) {
    held = fresh.size ? page : null;
    note.textContent = `${fresh.size} new`;
    note.hidden = !fresh.size;
    return;
  }
  held = null;
  note.hidden = true;
  const keep = document.activeElement;
  const rows = [...next.rows].map((row) => {
    const old = known.get(row.id);
    if (old) return old;
    const added = document.adoptNode(row);
    if (fresh.has(added.id)) added.classList.add("fresh");
    return added;
  });
  body.replaceChildren(...rows);
  if (keep?.isConnected) keep.focus({ preventScroll: true });
  count();
};
let waiting = 0;
const refresh = async (whole = false) => {
  waiting = 0;
  if (document.hidden) return;
  try {
    const { answer, page } = await load(bulk.dataset.list);
    if (answer.ok) merge(page, whole);
  } catch { /* The line is down; the next event or the reconnection asks again. */ }
};
const soon = () => { waiting ||= setTimeout(refresh, 400); };
note?.addEventListener("click", () => {
  if (held) merge(held, true);
  scrollTo({ top: 0 });
});
if (bulk) {
  // app.js hears what changes.
  document.addEventListener("live", soon);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
}

// Working on the selection without leaving the page.
bulk?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  const data = new URLSearchParams(new FormData(bulk, button));
  if (button) button.disabled = true;
  try {
    const { answer, page } = await load(bulk.action, { method: "POST", body: data });
    if (!answer.ok || new URL(answer.url).pathname !== location.pathname) {
      if (answer.redirected) location.href = answer.url;
      else document.body.replaceWith(document.adoptNode(page.body));
      return;
    }
    button?.closest("[popover]")?.hidePopover();
    one("#bulk-note").value = "";
    const row = current();
    clear();
    refresh(true);
    if (row?.isConnected) one("a.row", row)?.focus({ preventScroll: true });
    const flash = one("[data-flash]", page);
    if (flash) say(flash.textContent.trim());
  } catch {
    say("Not sent: no connection. Nothing was changed; try again.");
  } finally {
    if (button) button.disabled = false;
  }
});

// A form with data-instant="ID ID" shows what it would find while somebody types.
let turn = 0;
let typing = 0;
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.dataset.instant === undefined || event.target.type !== "search") return;
  clearTimeout(typing);
  typing = setTimeout(async () => {
    const mine = ++turn;
    const fields = [...new FormData(form)].filter(([, value]) => value);
    const path = `${new URL(form.action).pathname}?${new URLSearchParams(fields)}`;
    try {
      const { answer, page } = await load(path);
      if (mine !== turn || !answer.ok) return;
      for (const id of form.dataset.instant.split(" ")) replace(id, page);
      history.replaceState(history.state, "", path);
    } catch { /* The line is down; the button asks again. */ }
  }, 120);
});

// Services are found while their name is typed, where there are too many for a list.
const names = one("[data-services]");
const typed = names && one(`[list=${names.id}]`);
let asking = 0;
typed?.addEventListener("input", () => {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    try {
      const answer = await fetch(`/api/services?limit=20&q=${encodeURIComponent(typed.value)}`, { credentials: "same-origin" });
      const { data } = await answer.json();
      names.replaceChildren(...data.map((service) => new Option("", service.name)));
    } catch { /* The name can be typed in full. */ }
  }, 150);
});
count();
