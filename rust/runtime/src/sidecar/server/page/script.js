"use strict";
(() => {
  const every = 2000;
  const content = () => document.getElementById("content");
  const lost = document.getElementById("lost");
  let newest = new Date();

  // Makes the old node like the new one and keeps it: focus, selection and scrolling stay.
  const patch = (old, fresh) => {
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const before = [...old.childNodes];
    const after = [...fresh.childNodes];
    after.forEach((node, at) => {
      const there = before[at];
      if (!there) old.append(node);
      else if (there.nodeName !== node.nodeName || there.id !== node.id) there.replaceWith(node);
      else patch(there, node);
    });
    before.slice(after.length).forEach((node) => node.remove());
  };

  const load = async () => {
    const signal = AbortSignal.timeout(10000);
    const response = await fetch("/?content=1", { cache: "no-store", signal });
    if (!response.ok) throw new Error(String(response.status));
    const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = parsed.getElementById("content");
    if (!fresh) throw new Error("no content");
    patch(content(), fresh);
    document.title = fresh.dataset.title;
    newest = new Date();
  };

  const step = async () => {
    try {
      if (!document.hidden) await load();
      lost.hidden = true;
    } catch {
      lost.querySelector("span").textContent = newest.toLocaleTimeString();
      lost.hidden = false;
    }
    setTimeout(step, every);
  };
  setTimeout(step, every);
})();
