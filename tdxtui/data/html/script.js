"use strict";
const why = document.getElementById("why"), search = document.getElementById("search"), hits = document.getElementById("hits");
const bits = [...document.querySelectorAll("td b")];
const heads = new Map();
let head = null;
for (const bit of bits) {
  if (bit.dataset.r) head = bit;
  heads.set(bit, head);
  if (!bit.title) bit.title = head.title;
}
const told = why.textContent;
function tell(bit) {
  document.querySelectorAll(".at").forEach(item => item.classList.remove("at"));
  if (bit) bits.filter(item => heads.get(item) === heads.get(bit)).forEach(item => item.classList.add("at"));
  why.textContent = bit ? heads.get(bit).title + " [" + heads.get(bit).dataset.k + ", " + heads.get(bit).dataset.g + "]" : told;
}
document.querySelector("main").addEventListener("pointerover", event => { if (event.target.matches("td b")) tell(event.target); });
document.querySelector("main").addEventListener("click", event => tell(event.target.matches("td b") ? event.target : null));
function find() {
  const wanted = search.value.trim().toLowerCase().replaceAll("_", "-");
  const found = new Set();
  for (const bit of bits) {
    const text = heads.get(bit).dataset.r.toLowerCase().replaceAll("_", "-");
    const hit = wanted !== "" && text.includes(wanted);
    bit.classList.toggle("hit", hit);
    if (hit) found.add(heads.get(bit));
  }
  hits.textContent = wanted ? found.size + " found" : "";
  return [...found];
}
search.addEventListener("input", find);
let turn = 0;
search.addEventListener("keydown", event => {
  const found = find();
  if (event.key !== "Enter" || !found.length) return;
  const bit = found[turn++ % found.length];
  bit.scrollIntoView({ block: "center" });
  tell(bit);
});
