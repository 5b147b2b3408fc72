"use strict";
(() => {
  const menu = document.querySelector(".menu");
  const nav = document.getElementById("pages");
  menu.addEventListener("click", () => {
    const open = nav.classList.toggle("open");
    menu.setAttribute("aria-expanded", String(open));
  });

  const input = document.querySelector(".search input");
  const found = document.getElementById("found");
  const root = input.dataset.root;
  const passages = window.millracePassages.map((one) => ({ ...one, low: (one.page + " " + one.heading + " " + one.text).toLowerCase() }));

  // A word in a heading counts more than one in the text.
  const score = (passage, words) => {
    let sum = 0;
    for (const word of words) {
      if (!passage.low.includes(word)) return 0;
      sum += 1;
      if (passage.heading.toLowerCase().includes(word)) sum += 6;
      if (passage.page.toLowerCase().includes(word)) sum += 3;
    }
    return sum;
  };

  const extract = (text, word) => {
    const at = Math.max(0, text.toLowerCase().indexOf(word) - 50);
    return (at > 0 ? "… " : "") + text.slice(at, at + 150) + (at + 150 < text.length ? " …" : "");
  };

  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter((word) => word.length > 1);
    found.replaceChildren();
    found.hidden = words.length === 0;
    if (found.hidden) return;
    const best = passages
      .map((passage) => [score(passage, words), passage])
      .filter(([points]) => points > 0)
      .sort((a, b) => b[0] - a[0])
      .slice(0, 12);
    for (const [, passage] of best) {
      const link = document.createElement("a");
      link.href = root + passage.to;
      link.append(passage.heading === passage.page ? passage.page : passage.page + ": " + passage.heading);
      const small = document.createElement("small");
      small.append(extract(passage.text, words[0]));
      link.append(small);
      const item = document.createElement("li");
      item.append(link);
      found.append(item);
    }
    if (best.length === 0) {
      const item = document.createElement("li");
      item.append("Nothing has all of these words.");
      found.append(item);
    }
  };
  input.addEventListener("input", show);
  input.addEventListener("focus", show);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    } else if (event.key === "Escape") {
      found.hidden = true;
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !found.hidden) {
      const all = [...found.querySelectorAll("a")];
      if (all.length === 0) return;
      const at = all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
      (at < 0 ? input : all[Math.min(at, all.length - 1)]).focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".search")) found.hidden = true;
  });
})();
