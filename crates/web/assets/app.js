// What the platform does not give by itself. Every page works without this file: it only saves reloads and keys.
const root = document.documentElement;
const one = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
root.classList.add("js");

// Relative times; the same rule as views/time.rs.
const relative = (seconds) => {
  const size = Math.abs(seconds);
  if (size < 60) return seconds > 0 ? "in under 1 min" : "just now";
  if (size >= 604800) return null;
  const text = size < 3600 ? `${Math.floor(size / 60)} min` : size < 86400 ? `${Math.floor(size / 3600)} h` : `${Math.floor(size / 86400)} d`;
  return seconds > 0 ? `in ${text}` : `${text} ago`;
};
const tick = () => {
  for (const time of all("time[data-relative]")) {
    const text = relative(Math.trunc((Date.parse(time.dateTime) - Date.now()) / 1000));
    if (text && text !== time.textContent) time.textContent = text;
  }
};
setInterval(tick, 15000);

const say = (text) => {
  let box = one(".toasts");
  if (!box) {
    box = document.createElement("div");
    box.className = "toasts";
    box.role = "status";
    document.body.append(box);
  }
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.textContent = text;
  box.append(toast);
  setTimeout(() => toast.remove(), 4000);
};

// Live regions: an element with data-live="/path" is replaced by the one with the same id on that page. What somebody
// is typing in, or has unfolded or selected, is left alone.
const busy = (element) => {
  const focus = document.activeElement;
  return (element.contains(focus) && focus.matches("input, select, textarea")) || !!one("details.ask[open], [popover]:popover-open", element);
};
const swap = (fresh) => {
  for (const old of all("[data-live]")) {
    const next = fresh.getElementById(old.id);
    if (!next || busy(old)) continue;
    const open = all("details[open][id]", old).map((fold) => fold.id);
    const rows = all("tr[data-href]", old);
    const at = rows.findIndex((row) => row.ariaSelected === "true");
    const picked = rows[at]?.dataset.href;
    const focused = old.contains(document.activeElement) ? document.activeElement.id || document.activeElement.getAttribute("href") : null;
    old.replaceWith(document.adoptNode(next));
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const row of all("tr[data-href]", next)) if (row.dataset.href === picked) row.ariaSelected = "true";
    if (focused) (document.getElementById(focused) ?? all("a", next).find((a) => a.getAttribute("href") === focused))?.focus({ preventScroll: true });
  }
  tick();
};
const load = async (path, options) => {
  const answer = await fetch(path, { headers: { accept: "text/html" }, credentials: "same-origin", ...options });
  return { answer, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
};
let waiting = 0;
const refresh = async () => {
  waiting = 0;
  const paths = new Set(all("[data-live]").map((element) => element.dataset.live || location.pathname + location.search));
  for (const path of paths) {
    try {
      const { answer, page } = await load(path);
      if (answer.ok) swap(page);
    } catch { /* The line is down; the next event or the reconnection asks again. */ }
  }
};
const soon = () => { waiting ||= setTimeout(refresh, 250); };
const channel = document.body.dataset.events;
if (channel && all("[data-live]").length) {
  const events = new EventSource(channel);
  events.onmessage = soon;
  events.addEventListener("change", soon);
  let lost = false;
  events.onerror = () => { lost = true; };
  events.onopen = () => { if (lost) soon(); lost = false; };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
}

// Forms with data-enhance are sent without leaving the page. Whatever cannot be shown in place is loaded in full.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.dataset.enhance === undefined) return;
  event.preventDefault();
  const button = event.submitter;
  const data = new FormData(form, button);
  if (button) button.disabled = true;
  try {
    const { answer, page } = await load(form.action, { method: "POST", body: new URLSearchParams(data) });
    const here = new URL(answer.url).pathname === location.pathname;
    if (!answer.ok || !here) {
      if (answer.redirected) location.href = answer.url;
      else document.body.replaceWith(document.adoptNode(page.body));
      return;
    }
    form.closest("[popover]")?.hidePopover();
    form.reset();
    document.activeElement?.blur();
    swap(page);
    const flash = one("[data-flash]", page);
    if (flash) say(flash.textContent.trim());
  } catch {
    say("Not sent: no connection. Nothing was changed; try again.");
  } finally {
    if (button) button.disabled = false;
  }
});

// A form with data-preview="ID" is looked through while somebody types in it; what comes of it is shown in ID.
let looking = 0;
let turns = 0;
const look = async (form) => {
  const region = document.getElementById(form.dataset.preview);
  const data = new URLSearchParams(new FormData(form));
  data.set("do", "preview");
  const turn = ++turns;
  try {
    const { page } = await load(form.action, { method: "POST", body: data });
    const next = page.getElementById(form.dataset.preview);
    if (turn !== turns || !next) return;
    region.replaceChildren(...next.childNodes);
  } catch { /* The line is down; the button asks again. */ }
};
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.dataset.preview === undefined) return;
  // Whoever types a body means that one.
  if (event.target.name === "body") form.elements.event.value = "";
  clearTimeout(looking);
  looking = setTimeout(look, 300, form);
});
document.addEventListener("submit", (event) => {
  if (event.target.dataset.preview === undefined || event.submitter?.value !== "preview") return;
  event.preventDefault();
  look(event.target);
});

// A button with data-into="ID" sends its form and shows what the answer has in ID; the form stays as it was typed.
document.addEventListener("submit", async (event) => {
  const button = event.submitter;
  const region = document.getElementById(button?.dataset.into ?? "");
  if (!region) return;
  event.preventDefault();
  button.disabled = true;
  try {
    const { answer, page } = await load(button.formAction, { method: "POST", body: new URLSearchParams(new FormData(event.target)) });
    if (answer.ok) {
      region.replaceChildren(...page.getElementById(region.id).childNodes);
      one(".retype", region)?.remove();
    } else document.body.replaceWith(document.adoptNode(page.body));
  } catch {
    say("Not sent: no connection.");
  }
  button.disabled = false;
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const text = document.getElementById(copy.dataset.copy)?.textContent ?? "";
    const label = one(".label", copy) ?? copy;
    try {
      await navigator.clipboard.writeText(text);
      copy.classList.add("done");
      label.textContent = "Copied";
    } catch {
      label.textContent = "Press Ctrl C";
      getSelection().selectAllChildren(document.getElementById(copy.dataset.copy));
    }
    setTimeout(() => { copy.classList.remove("done"); label.textContent = "Copy"; }, 2000);
    return;
  }
  const theme = event.target.closest("button[name=theme]");
  if (theme) {
    event.preventDefault();
    if (theme.value === "system") delete root.dataset.theme;
    else root.dataset.theme = theme.value;
    for (const button of all("button[name=theme]")) button.ariaPressed = String(button === theme);
    fetch("/theme", { method: "POST", body: new URLSearchParams({ theme: theme.value, back: location.pathname }), redirect: "manual" }).catch(() => {});
  }
});

// A select that changes the list at once; with a button beside it for everybody else.
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.dataset.auto !== undefined && event.target.matches("select, input[type=checkbox]")) form.requestSubmit();
});

// Keys.
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
const keys = {
  "/": () => { const box = one("#search"); box?.focus(); box?.select(); return !!box; },
  "?": () => { const help = one("#shortcuts"); if (!help || help.open) return false; help.showModal(); return true; },
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: () => (one("tr[aria-selected=true]") ? move(1) : false),
  ArrowUp: () => (one("tr[aria-selected=true]") ? move(-1) : false),
  Enter: () => {
    const row = one("tr[aria-selected=true]");
    if (!row || document.activeElement?.matches("button, summary, a:not(tr[aria-selected=true] a)")) return false;
    location.href = row.dataset.href;
    return true;
  },
  a: () => press("acknowledge"),
  r: () => press("resolve"),
};
const press = (name) => { const button = one(`[data-key="${name}"]`); button?.click(); return !!button; };
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { if (keys["/"]()) event.preventDefault(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open], [popover]:popover-open")) return;
  if (keys[event.key]?.()) event.preventDefault();
});
