// Forms that show what would come of them, without leaving the page. Only pages that have one load this.
export const start = ({ load, one, say }) => {
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
};
