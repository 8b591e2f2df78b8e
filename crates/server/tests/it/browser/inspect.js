// What is wrong with the page in the window, in sentences. It runs in the page, beside axe-core.
globalThis.inspect = (() => {
  const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const THUMB = 44;
  const TEXT = 12;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  const kind = (element) => element.tagName.toLowerCase() + [...element.classList].map((c) => `.${c}`).join("");

  const name = (element) => {
    const words = (element.ariaLabel || element.innerText || element.name || "").replace(/\s+/g, " ").trim().slice(0, 40);
    const within = element.closest("[id]:not(#main)");
    const way = within && within !== element ? `#${within.id} ` : "";
    return `${way}${kind(element)} “${words}”`;
  };

  const seen = (element) => {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
    const box = element.getBoundingClientRect();
    // Words for screen readers are one pixel large; the link that skips the navigation waits above the window.
    return box.width > 1 && box.height > 1 && box.bottom > 0 && !element.closest(".visually-hidden");
  };

  // All rules, or only one, within the page or within an element.
  const axe = async (only, within) => {
    const run = only ? { type: "rule", values: [only] } : { type: "tag", values: TAGS };
    const rules = only ? {} : { "target-size": { enabled: true } };
    // A part of a page has no heading and no landmark of its own.
    if (within) Object.assign(rules, { region: { enabled: false }, "page-has-heading-one": { enabled: false }, "landmark-one-main": { enabled: false } });
    const found = await globalThis.axe.run(within ?? document, { runOnly: run, rules, resultTypes: ["violations"], preload: false, iframes: false });
    return found.violations.flatMap((rule) => rule.nodes.map((node) => {
      const why = [...node.any, ...node.all, ...node.none].map((check) => check.message).join("; ");
      return `axe ${rule.id}: ${node.target.join(" ")}: ${why}`;
    }));
  };

  // What folds hide is part of the page.
  const unfold = () => { for (const fold of all("details")) fold.open = true; };

  // Whatever opens over the page, one after the other. What lies beside the page is the shell's, the same everywhere.
  const over = async (work) => {
    const faults = [];
    for (const part of all("[popover], dialog")) {
      if (part.parentElement === document.body && location.pathname !== "/") continue;
      const isDialog = part.matches("dialog");
      isDialog ? part.showModal() : part.showPopover();
      faults.push(...(await work(part)));
      isDialog ? part.close() : part.hidePopover();
    }
    return faults;
  };

  // A link within a sentence is as high as the sentence (WCAG 2.2, 2.5.8).
  const inSentence = (element) =>
    element.matches("a") && [...element.parentElement.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && /\w/.test(node.data));

  // What a thumb hits: the control itself, or the label that stands for it, with whatever they lay over their row.
  const reach = (element) => {
    const parts = [element, ...(element.labels ?? [])];
    const boxes = parts.map((part) => part.getBoundingClientRect());
    for (const part of parts) {
      for (const pseudo of ["::before", "::after"]) {
        const style = getComputedStyle(part, pseudo);
        if (style.content === "none" || style.position !== "absolute" || style.pointerEvents === "none") continue;
        boxes.push({ width: parseFloat(style.width), height: parseFloat(style.height) });
      }
    }
    return [Math.max(...boxes.map((box) => box.width)), Math.max(...boxes.map((box) => box.height))];
  };

  const thumbs = (within = document) => {
    const controls = all("a[href], button, input:not([type=hidden]), select, textarea, summary", within);
    // A bar in a timeline is as wide as the time that it stands for; the list beneath has the same in full size.
    const isBar = (control) => control.querySelector(":scope > svg > rect") !== null;
    return controls.filter((control) => seen(control) && !inSentence(control) && !isBar(control)).flatMap((control) => {
      const [width, height] = reach(control);
      if (width >= THUMB - 0.5 && height >= THUMB - 0.5) return [];
      return [`thumb: ${name(control)} is ${Math.round(width)} × ${Math.round(height)} px`];
    });
  };

  const texts = () => {
    const faults = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !seen(element)) continue;
      const scale = element.ownerSVGElement ? Math.abs(element.getScreenCTM().d) : 1;
      const size = parseFloat(getComputedStyle(element).fontSize) * scale;
      if (size < TEXT - 0.05) faults.push(`text: ${kind(element)} has ${size.toFixed(1)} px`);
    }
    return faults;
  };

  const width = () => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = all("main *").filter((e) => seen(e) && e.getBoundingClientRect().right > clientWidth + 1).slice(0, 3);
    return [`width: the page has ${scrollWidth} px in a window of ${clientWidth} px, for ${wide.map(name).join(", ")}`];
  };

  // What came over the wire, had the cache been empty: bodies as they were compressed, and some headers each. Pictures
  // of the guide come when somebody scrolls to them, and what a page asks for later is not what it waits for.
  const weight = () => {
    const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const own = loaded.filter((entry) => entry.name.startsWith(location.origin) && !["fetch", "img"].includes(entry.initiatorType));
    return own.reduce((sum, entry) => sum + entry.encodedBodySize + 300, 0);
  };

  return { axe, unfold, over, thumbs, texts, width, weight };
})();
