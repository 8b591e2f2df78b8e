// The order of people in a layer, dragged by a grip. Everything it does the buttons beside it do too: only what is chosen
// moves from one control to the next, so that names and labels stay where they are.
const lists = ".people-order";
const picked = (list) => [...list.querySelectorAll("[data-reorder]")];
const select = (item) => item.querySelector("select");

for (const item of document.querySelectorAll(`${lists} > [data-reorder]`)) {
  const grip = document.createElement("span");
  grip.className = "grip";
  grip.ariaHidden = "true";
  grip.innerHTML = '<svg viewBox="0 0 8 14"><circle cx="2" cy="2" r="1.2"/><circle cx="6" cy="2" r="1.2"/><circle cx="2" cy="7" r="1.2"/><circle cx="6" cy="7" r="1.2"/><circle cx="2" cy="12" r="1.2"/><circle cx="6" cy="12" r="1.2"/></svg>';
  item.prepend(grip);
  grip.addEventListener("pointerdown", (event) => lift(event, grip, item));
}

// While it is held, what is chosen follows the pointer from place to place.
const lift = (event, grip, item) => {
  event.preventDefault();
  grip.setPointerCapture(event.pointerId);
  const list = item.closest(lists);
  let at = picked(list).indexOf(item);
  item.classList.add("lifted");
  const follow = (moved) => {
    const items = picked(list);
    const to = items.findIndex((other) => moved.clientY < other.getBoundingClientRect().bottom);
    const next = to < 0 ? items.length - 1 : to;
    if (next === at) return;
    const values = items.map((other) => select(other).value);
    values.splice(next, 0, ...values.splice(at, 1));
    items.forEach((other, place) => {
      select(other).value = values[place];
      other.classList.toggle("lifted", place === next);
    });
    at = next;
  };
  const drop = () => {
    grip.removeEventListener("pointermove", follow);
    for (const other of picked(list)) other.classList.remove("lifted");
    select(picked(list)[at]).dispatchEvent(new Event("input", { bubbles: true }));
  };
  grip.addEventListener("pointermove", follow);
  grip.addEventListener("lostpointercapture", drop, { once: true });
};
