function (seeks) {
  // Measures where texts stand. It changes nothing on the page.
  const skip = /^(SCRIPT|STYLE|NOSCRIPT|TEMPLATE|TEXTAREA|OPTION)$/;
  const nodes = [], offsets = [];
  let text = "";
  const push = (c, n, o) => {
    if (/\s/.test(c)) { if (text.endsWith(" ")) return; c = " "; }
    const low = c.toLowerCase();
    for (const x of low) { text += x; nodes.push(n); offsets.push(o); if (x.length > 1) { nodes.push(n); offsets.push(o); } }
  };
  const walk = document.createTreeWalker(document.body || document.documentElement, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode()) && text.length < 2000000;) {
    if (!n.parentElement || skip.test(n.parentElement.tagName)) continue;
    if (getComputedStyle(n.parentElement).display !== "inline") push(" ", n, 0);
    for (let i = 0; i < n.data.length; i++) push(n.data[i], n, i);
  }
  const norm = s => s.replace(/\s+/g, " ").trim().toLowerCase();

  const hidden = (el, rect) => {
    for (let e = el; e; e = e.parentElement) if (e.tagName === "DETAILS" && !e.open && !(e.querySelector(":scope > summary") || {contains: () => false}).contains(el)) return "inside a fold that is closed";
    if (!el.checkVisibility({opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true})) return "not shown";
    if (rect.width < 1 || rect.height < 1) return "without size";
    if (rect.right + scrollX <= 0 || rect.bottom + scrollY <= 0) return "outside of the page";
    for (let e = el; e && e !== document.body && e !== document.documentElement; e = e.parentElement) {
      if (getComputedStyle(e).overflow === "visible") continue;
      const b = e.getBoundingClientRect();
      if (rect.top >= b.bottom || rect.bottom <= b.top || rect.left >= b.right || rect.right <= b.left || b.height < 1 || b.width < 1) return "cut off";
    }
    return "";
  };
  const rgba = s => { const m = s.match(/rgba?\(([^)]+)\)/); if (!m) return null; const p = m[1].split(/[ ,\/]+/).map(Number); return [p[0], p[1], p[2], p.length > 3 ? p[3] : 1]; };
  const lum = c => { const f = c.slice(0, 3).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
  const contrast = el => {
    const fore = rgba(getComputedStyle(el).color);
    if (!fore || fore[3] < 1) return 0;
    for (let e = el; e; e = e.parentElement) {
      const s = getComputedStyle(e);
      if (s.backgroundImage !== "none") return 0;
      const b = rgba(s.backgroundColor);
      if (!b || b[3] > 0 && b[3] < 1) return 0;
      if (b[3] === 1) { const x = lum(fore), y = lum(b); return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); }
    }
    const x = lum(fore); return 1.05 / (x + 0.05);
  };
  const mark = (name, said, el, rect) => {
    const s = getComputedStyle(el);
    return {name, text: said.slice(0, 300), found: true, hidden: hidden(el, rect), x: rect.left + scrollX, y: rect.top + scrollY, width: rect.width, height: rect.height,
      font: parseFloat(s.fontSize) || 0, weight: parseFloat(s.fontWeight) || 0, contrast: contrast(el), block: "", block_height: 0, words_in_block: 0, el};
  };
  const find = seek => {
    const want = norm(seek.text);
    let first = null;
    if (want) for (let at = text.indexOf(want), n = 0; at >= 0 && n < 50; at = text.indexOf(want, at + 1), n++) {
      const range = document.createRange(), end = at + want.length - 1;
      range.setStart(nodes[at], offsets[at]); range.setEnd(nodes[end], Math.min(offsets[end] + 1, nodes[end].data.length));
      const m = mark(seek.name, seek.text, nodes[at].parentElement, range.getBoundingClientRect());
      if (!m.hidden) return m;
      first = first || m;
    }
    return first || {name: seek.name, text: seek.text.slice(0, 300), found: false, hidden: "", x: 0, y: 0, width: 0, height: 0, font: 0, weight: 0, contrast: 0, block: "", block_height: 0, words_in_block: 0};
  };
  const shows = el => !hidden(el, el.getBoundingClientRect());
  const words = el => (el.innerText || "").split(/\s+/).filter(Boolean).length;
  const own = el => !el.closest("nav, header nav, footer, [role=navigation], [role=contentinfo]");
  const of = (name, el) => el && mark(name, (el.innerText || el.value || "").trim(), el, el.getBoundingClientRect());
  const marks = [];
  const title = [...document.querySelectorAll("h1")].find(shows);
  if (title) marks.push(of("title", title));
  const leaf = [...document.querySelectorAll("body *")].slice(0, 20000).filter(e => !skip.test(e.tagName) && own(e) && [...e.childNodes].some(n => n.nodeType === 3 && /\S/.test(n.data)));
  const price = leaf.find(e => /(?:£|€|\$|\bGBP|\bEUR)\s?\d/.test(e.innerText || "") && words(e) < 12 && shows(e));
  if (price) marks.push(of("price", price));
  const buy = [...document.querySelectorAll("button, a, input[type=submit], input[type=button], [role=button]")].find(e => /\b(add to (basket|cart|bag|trolley)|buy now|buy online|order now|in den warenkorb)\b/i.test(e.innerText || e.value || "") && shows(e));
  if (buy) marks.push(of("buy", buy));
  const after = e => !title || title.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING;
  const traits = [...document.querySelectorAll("ul, ol, dl, table, p")].find(e => own(e) && after(e) && words(e) >= 8 && shows(e));
  const main = of("characteristics", traits);
  if (main) marks.push(main);
  for (const s of seeks) {
    const m = find(s);
    if (m.found && main) {
      let e = m.el;
      while (e && !e.contains(main.el)) e = e.parentElement;
      if (e) { m.block = e.tagName.toLowerCase(); m.block_height = e.getBoundingClientRect().height; m.words_in_block = words(e); }
    }
    marks.push(m);
  }
  // What may carry text that is not in the page's own: pictures, frames, drawings, shadow trees.
  const large = e => { const b = e.getBoundingClientRect(); return b.width >= 200 && b.height >= 60 && shows(e); };
  const every = [...document.querySelectorAll("body *")].slice(0, 20000);
  const images = every.filter(e => (/^(IMG|PICTURE|IFRAME|FRAME|CANVAS|OBJECT|EMBED|VIDEO|SVG)$/i.test(e.tagName) || e.shadowRoot || e.tagName.includes("-") && !/\S/.test(e.innerText || "") || /url\(/.test(getComputedStyle(e).backgroundImage)) && large(e)).length;
  // Something fixed in front of most of the window, such as a request for consent.
  let covered = false;
  for (let e = document.elementFromPoint(innerWidth / 2, innerHeight / 2); e; e = e.parentElement) {
    const b = e.getBoundingClientRect();
    covered = covered || getComputedStyle(e).position === "fixed" && b.width * b.height > innerWidth * innerHeight / 2;
  }
  for (const m of marks) delete m.el;
  return JSON.stringify({marks, images, covered, height: Math.ceil(document.documentElement.scrollHeight)});
}
