// Overrides by hand: dragging across the last line of the timeline, drawing an override's ends, and the form for both in a
// dialog. The form itself comes from the server, already filled in; without this file the same links lead to it.
const svg = "http://www.w3.org/2000/svg";
const EDGE_PX = 8;
const HOLD_MS = 350;
const MOVED_PX = 4;

// The dialog. The form moves into it and back again, so that it is on the page once.
const dialog = document.createElement("dialog");
dialog.className = "dialog-form";
dialog.setAttribute("aria-labelledby", "dialog-title");
document.body.append(dialog);
let opener = null;
const home = () => document.getElementById("override-home");
dialog.addEventListener("close", () => {
  const form = dialog.querySelector("form");
  if (form) home()?.replaceChildren(form);
  dialog.replaceChildren();
  // The timeline may have been exchanged for a fresh one meanwhile.
  const back = opener?.isConnected ? opener : document.querySelector(`a[href="${CSS.escape(opener?.getAttribute("href") ?? "")}"]`);
  back?.focus();
});

const open = async (address, from) => {
  let fresh;
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" }, credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    fresh = page.querySelector("#override-home > form");
  } catch { /* The line is down: the page itself says so. */ }
  if (!fresh || !home()) {
    location.href = address;
    return;
  }
  opener = from;
  home().replaceChildren();
  const head = document.createElement("header");
  const title = document.createElement("h2");
  title.id = "dialog-title";
  title.textContent = /\/overrides\/[^/]+$/.test(fresh.action) ? "Change this override" : "Cover this shift";
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn quiet";
  close.textContent = "Cancel";
  close.addEventListener("click", () => dialog.close());
  head.append(title, close);
  dialog.replaceChildren(head, document.adoptNode(fresh));
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("select")?.focus();
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.cover, .strip a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const href = link.getAttribute("href");
  // A drag that ended on a shift is no click on it.
  if (!dragged) open(href, link);
});

// Time under the pointer.
const scale = (strip, row) => {
  const { from, to, step, days } = strip.dataset;
  const [start, end] = [Number(from), Number(to)];
  const box = row.getBoundingClientRect();
  const starts = days.split(" ").map(Number);
  const edges = [...row.querySelectorAll("a")].flatMap((a) => [Number(a.dataset.start), Number(a.dataset.end)]);
  const at = (x) => start + ((x - box.left) / box.width) * (end - start);
  const place = (second) => (100 * (second - start)) / (end - start);
  // To the end of a shift that is near, else to the grid, which begins anew with every day.
  const snap = (x) => {
    const second = Math.min(end, Math.max(start, at(x)));
    const near = edges.find((edge) => edge >= start && edge <= end && Math.abs(place(edge) - place(second)) * box.width < 100 * EDGE_PX);
    if (near !== undefined) return near;
    const day = starts.findLast((begin) => begin <= second) ?? start;
    const next = starts.find((begin) => begin > second) ?? end;
    const grid = day + Math.round((second - day) / Number(step)) * Number(step);
    return Math.min(grid, next);
  };
  return { snap, place };
};

const ghost = (row) => {
  const rect = document.createElementNS(svg, "rect");
  rect.setAttribute("class", "ghost");
  rect.setAttribute("y", "3");
  rect.setAttribute("height", "38");
  row.append(rect);
  return rect;
};

let drag = null;
let dragged = false;
const show = () => {
  const [from, to] = [Math.min(drag.fixed, drag.moving), Math.max(drag.fixed, drag.moving)];
  drag.rect ??= ghost(drag.row);
  drag.rect.setAttribute("x", `${drag.scale.place(from)}%`);
  drag.rect.setAttribute("width", `${drag.scale.place(to) - drag.scale.place(from)}%`);
};
const begin = () => {
  drag.on = true;
  drag.strip.classList.add("dragging");
  // What is being dragged across must not be exchanged for a fresh one.
  drag.panel?.removeAttribute("data-live");
};
const end = (done) => {
  const { strip, rect, panel, live, fixed, moving, override, on, pointer, row } = drag;
  clearTimeout(drag.hold);
  if (row.hasPointerCapture?.(pointer)) row.releasePointerCapture(pointer);
  drag = null;
  strip.classList.remove("dragging");
  if (live) panel.dataset.live = live;
  rect?.remove();
  if (!on) return;
  dragged = true;
  setTimeout(() => { dragged = false; }, 0);
  if (!done || fixed === moving) return;
  const address = new URL(strip.dataset.href, location.href);
  address.searchParams.set("cover_from", Math.min(fixed, moving));
  address.searchParams.set("cover_to", Math.max(fixed, moving));
  if (override) address.searchParams.set("edit", override);
  open(address, null);
};

document.addEventListener("pointerdown", (event) => {
  const edge = event.target.closest(".strip rect.edge");
  const row = edge ? edge.closest("td > svg") : event.target.closest("[data-drag]");
  const strip = row?.closest(".strip[data-href]");
  if (!strip || drag || (event.pointerType === "mouse" && event.button !== 0)) return;
  const measure = scale(strip, row);
  const shift = edge?.closest("a");
  const times = shift && [Number(shift.dataset.start), Number(shift.dataset.end)];
  // The end that is taken moves, the other stays.
  const last = edge && edge.previousElementSibling?.classList.contains("edge");
  const panel = strip.closest("[data-live]");
  drag = {
    strip, row, panel, live: panel?.dataset.live, scale: measure, pointer: event.pointerId, x: event.clientX, on: false,
    override: shift?.dataset.override ?? null,
    fixed: times ? times[last ? 0 : 1] : measure.snap(event.clientX),
    moving: times ? times[last ? 1 : 0] : measure.snap(event.clientX),
  };
  if (event.pointerType === "mouse") event.preventDefault();
  else drag.hold = setTimeout(() => { if (drag) { begin(); show(); } }, HOLD_MS);
});
document.addEventListener("pointermove", (event) => {
  if (drag?.pointer !== event.pointerId) return;
  if (!drag.on) {
    if (Math.abs(event.clientX - drag.x) < MOVED_PX) return;
    // A finger that moves at once scrolls.
    if (event.pointerType !== "mouse") { end(false); return; }
    begin();
  }
  drag.moving = drag.scale.snap(event.clientX);
  show();
});
document.addEventListener("pointerup", (event) => { if (drag?.pointer === event.pointerId) end(true); });
document.addEventListener("pointercancel", (event) => { if (drag?.pointer === event.pointerId) end(false); });
document.addEventListener("touchmove", (event) => { if (drag?.on) event.preventDefault(); }, { passive: false });
document.addEventListener("dragstart", (event) => { if (event.target.closest?.(".strip")) event.preventDefault(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && drag) end(false); });

// On a narrow screen the present is what is looked for first.
for (const strip of document.querySelectorAll(".strip")) {
  const line = strip.querySelector(".final .now")?.getBoundingClientRect();
  const box = strip.getBoundingClientRect();
  if (line && strip.scrollWidth > strip.clientWidth) strip.scrollLeft = Math.max(0, line.left - box.left - box.width / 2);
}

// Whatever the address was opened for is looked at at once.
if (location.hash === "#override") document.getElementById("override")?.querySelector("select")?.focus();
