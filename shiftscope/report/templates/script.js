(function () {
  "use strict";
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

  // Cells without a value stay last in either direction.
  function key(row, column) {
    var cell = row.cells[column];
    var value = "v" in cell.dataset ? cell.dataset.v : cell.textContent.trim();
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
  document.querySelectorAll("table.sort").forEach(function (table) {
    table.querySelectorAll("thead th").forEach(function (head, column) {
      var press = document.createElement("button");
      press.type = "button";
      press.append.apply(press, Array.from(head.childNodes));
      head.append(press);
      press.addEventListener("click", function () { sort(table, column, head); });
    });
  });
})();
