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
  setTimeout(() => toast.remove(), 5000);
};
document.addEventListener("say", (event) => say(event.detail));

// Live regions: an element with data-live="/path" is replaced by the one with the same id on that page. What somebody
// is typing in, or has unfolded or selected, is left alone, unless they have just sent it.
const busy = (element, sent) => {
  const focus = document.activeElement;
  return (!sent && element.contains(focus) && focus.matches("input, select, textarea")) || !!one("details.ask[open], [popover]:popover-open", element);
};
const name = (element) => element.id || element.dataset.key || element.getAttribute("href");
const swap = (fresh, sent) => {
  let changed = false;
  for (const old of all("[data-live]")) {
    const next = fresh.getElementById(old.id);
    if (!next || next.isEqualNode(old) || busy(old, sent)) continue;
    changed ||= next.textContent !== old.textContent;
    const open = all("details[open][id]", old).map((fold) => fold.id);
    const rows = all("tr[data-href]", old);
    const at = rows.findIndex((row) => row.ariaSelected === "true");
    const picked = rows[at]?.dataset.href;
    const focused = old.contains(document.activeElement) ? name(document.activeElement) : null;
    old.replaceWith(document.adoptNode(next));
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const row of all("tr[data-href]", next)) if (row.dataset.href === picked) row.ariaSelected = "true";
    if (focused) all("a, button, input, select, textarea, summary", next).find((element) => name(element) === focused)?.focus({ preventScroll: true });
  }
  tick();
  return changed;
};
const load = async (path, options) => {
  const answer = await fetch(path, { headers: { accept: "text/html" }, credentials: "same-origin", ...options });
  return { answer, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
};
const fetchRegions = async (paths) => {
  let changed = false;
  for (const path of paths) {
    try {
      const { answer, page } = await load(path);
      if (answer.ok && !answer.redirected) changed = swap(page) || changed;
    } catch { /* The line is down; the next event or the reconnection asks again. */ }
  }
  return changed;
};
const PULSE = "/pulse";
const live = document.body.dataset.events;
const heard = new Set();
let waiting = 0;
let refreshed = 0;
let took = 0;
const refresh = async () => {
  waiting = 0;
  if (document.hidden) return;
  refreshed = performance.now();
  const ids = heard.size;
  const many = heard.has("*");
  heard.clear();
  const changed = await fetchRegions(new Set(all("[data-live]").map((element) => element.dataset.live || location.pathname + location.search)));
  took = performance.now() - refreshed;
  if (changed && ids) one("#live-says").textContent = many ? "Incidents changed" : ids === 1 ? "1 incident changed" : `${ids} incidents changed`;
};
// A server that is slow to answer is asked less often.
const rest = () => Math.min(Math.max(1000, 10 * took), 15000);
const soon = () => { waiting ||= setTimeout(refresh, Math.max(250, refreshed + rest() - performance.now())); };

// One stream for all windows of a browser: the one that holds the lock listens and tells the others.
let line = 0;
const lost = (yes) => {
  const box = one("#live-lost");
  clearTimeout(line);
  if (!yes) { box.hidden = true; return; }
  const since = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  line = setTimeout(() => { box.hidden = false; box.textContent = `Connection lost, trying again. This is as of ${since}.`; }, 3000);
};
const hear = ({ id, down, to }) => {
  if (id && (!to || to === performance.timeOrigin)) {
    document.dispatchEvent(new Event("live"));
    heard.add(id);
    soon();
  }
  if (down !== undefined) lost(down);
};
// What changed between drawing and listening is told first: by the server, and by the window that listens to later ones.
const listen = () => new Promise(() => {
  const station = globalThis.BroadcastChannel && new BroadcastChannel("live");
  let changed = Date.now();
  const tell = (what) => {
    hear(what);
    station?.postMessage(what);
    if (what.id) changed = Date.now();
  };
  station?.addEventListener("message", ({ data }) => {
    if (data.since <= changed) station.postMessage({ id: "*", to: data.since });
  });
  const connect = () => {
    let cut = false;
    const events = new EventSource(`${live}?age=${Math.ceil(performance.now())}`);
    events.addEventListener("change", (event) => tell({ id: event.data }));
    events.onopen = () => { tell({ down: false }); if (cut) tell({ id: "*" }); };
    events.onerror = () => {
      cut = true;
      tell({ down: true });
      if (events.readyState === EventSource.CLOSED) setTimeout(connect, 10000);
    };
  };
  connect();
});
if (live && one(`[data-live]:not([data-live="${PULSE}"]), [data-hears]`)) {
  if (navigator.locks && globalThis.BroadcastChannel) {
    const station = new BroadcastChannel("live");
    station.onmessage = (event) => hear(event.data);
    station.postMessage({ since: performance.timeOrigin });
    navigator.locks.request("live", listen);
  } else listen();
}
if (live) {
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  setInterval(() => { if (!document.hidden) fetchRegions([PULSE]); }, 60000);
  navigator.serviceWorker?.register("/sw.js").catch(() => { /* Then there is no copy to read offline. */ });
} else localStorage.removeItem("recent");

// A page that the service worker kept, or a line that is down: forms stay as they are typed.
const copy = one("main[data-offline]");
if (copy) addEventListener("online", () => location.reload());
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || (navigator.onLine && !copy)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  say("You are offline: nothing was sent. What you typed stays here.");
}, true);

// Forms with data-enhance are sent without leaving the page. Whatever cannot be shown in place is loaded in full.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.dataset.enhance === undefined) return;
  event.preventDefault();
  const button = event.submitter;
  const data = new FormData(form, button);
  const at = document.activeElement;
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
    swap(page, true);
    const flash = one("[data-flash]", page);
    if (flash) say(flash.textContent.trim());
  } catch {
    say("Not sent: no connection. Nothing was changed; try again.");
  } finally {
    if (button) button.disabled = false;
    // The keyboard goes on from where it was.
    if (document.activeElement === document.body) (at.isConnected ? at : one("#main"))?.focus({ preventScroll: true });
  }
});

// What only some pages have.
if (one("[data-preview], [data-into]")) import(document.body.dataset.looking).then(({ start }) => start({ load, one, say }));

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
