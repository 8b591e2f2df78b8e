// The gallery of integrations: tools are found while somebody types. Without this file the form asks the server.
const box = document.querySelector("[data-filter]");
const list = box && document.getElementById(box.dataset.filter);
if (list) {
  const says = document.getElementById(`${list.id}-says`);
  const none = document.getElementById(`${list.id}-none`);
  const items = [...list.querySelectorAll("li")];
  const groups = [...list.querySelectorAll("section")];
  const shown = () => items.filter((item) => !item.hidden);
  const look = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of items) {
      const text = item.textContent.toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
    for (const group of groups) group.hidden = !group.querySelector("li:not([hidden])");
    const found = shown();
    none.hidden = found.length > 0;
    const first = found[0]?.querySelector(".strong").textContent;
    says.textContent = !words.length || !first ? "" : `${found.length === 1 ? "1 tool" : `${found.length} tools`}. Enter picks ${first}.`;
  };
  box.addEventListener("input", look);
  box.form.addEventListener("submit", (event) => {
    const [first] = shown();
    if (!box.value.trim() || !first) return;
    event.preventDefault();
    location.href = first.querySelector("a").href;
  });
  look();
}
