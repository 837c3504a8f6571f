(function () {
  "use strict";
  var LONG = 10;
  var root = document.documentElement;
  var button = document.getElementById("theme");
  var system = matchMedia("(prefers-color-scheme: dark)");

  function theme() {
    return root.dataset.theme || (system.matches ? "dark" : "light");
  }
  function name() {
    button.textContent = theme() === "dark" ? "Light theme" : "Dark theme";
  }
  button.hidden = false;
  button.addEventListener("click", function () {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    name();
  });
  system.addEventListener("change", name);
  name();

  function plain(text) {
    var words = text.trim();
    return words === "\u2013" ? "" : words.replace(/\u2212/g, "-").replace(/\u202f/g, "");
  }
  // Cells without a value stay last in either direction.
  function key(row, column) {
    var cell = row.cells[column];
    var value = "v" in cell.dataset ? cell.dataset.v : plain(cell.textContent);
    return value === "" || isNaN(value) ? value : Number(value);
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b));
  }
  function sort(table, column, head) {
    var up = head.getAttribute("aria-sort") !== "ascending";
    var body = table.tBodies[0];
    var rows = Array.from(body.rows);
    rows.sort(function (r, s) {
      var a = key(r, column), b = key(s, column);
      if (a === "" || b === "") return (a === "") - (b === "");
      return up ? compare(a, b) : compare(b, a);
    });
    table.querySelectorAll("thead th").forEach(function (th) { th.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    rows.forEach(function (row) { body.appendChild(row); });
  }
  // A box that leaves what holds all of its words, in whatever order; the count is said aloud.
  function filter(before, rows, what) {
    var label = document.createElement("label");
    var box = document.createElement("input");
    var said = document.createElement("span");
    label.className = "filter";
    box.type = "search";
    said.setAttribute("role", "status");
    label.append("Filter " + what + " ", box, " ", said);
    before.before(label);
    box.addEventListener("input", function () {
      var words = box.value.toLowerCase().split(/\s+/);
      var left = rows.filter(function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (word) { return text.includes(word); });
        return !row.hidden;
      });
      said.textContent = box.value.trim() ? left.length + " of " + rows.length : "";
      // What is folded away shows what was found in it.
      rows.forEach(function (row) {
        var folded = row.closest("details");
        if (folded && box.value.trim() && !row.hidden) folded.open = true;
      });
    });
  }
  document.querySelectorAll("table.sort").forEach(function (table) {
    var rows = Array.from(table.tBodies[0].rows);
    if (rows.length >= LONG) filter(table.closest(".scroll"), rows, "rows");
    table.querySelectorAll("thead th").forEach(function (head, column) {
      var press = document.createElement("button");
      press.type = "button";
      press.append.apply(press, Array.from(head.childNodes));
      head.append(press);
      press.addEventListener("click", function () { sort(table, column, head); });
    });
  });
  var list = document.querySelector("#findings > .findings");
  if (list) {
    var findings = Array.from(list.querySelectorAll("li:not(.more)"));
    if (findings.length >= LONG) filter(list, findings, "findings");
  }
})();
