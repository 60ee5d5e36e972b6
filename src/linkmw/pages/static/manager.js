// Dragging accounts into another order with mouse, pen or finger (MIM-19). An addition: the arrows in each row do the same
// without a script and by keyboard. What is saved, and what is said of it, comes from the page.

const SECONDS = 10;

for (const list of document.querySelectorAll("tbody[data-order]")) movable(list);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector("[role=alertdialog] .cancel")?.requestSubmit();
});

function movable(list) {
  list.classList.add("movable");
  let saved = Promise.resolve(); // one save after the other: each starts from the order that the last one left
  for (const row of list.rows) {
    const handle = row.querySelector(".grip");
    handle.hidden = false;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      event.preventDefault();
      const before = order(list);
      drag(list, row, handle, event, () => {
        const wanted = order(list);
        if (wanted.join() === before.join()) return;
        saved = saved.then(() => save(list, row, before, wanted));
      });
    });
  }
}

// The row follows the pointer. Its neighbours make way: moving the row itself would lose the pointer's capture.
function drag(list, row, handle, pressed, dropped) {
  const before = order(list);
  const top = row.offsetTop;
  const middle = (other) => other.offsetTop + other.offsetHeight / 2;
  const follow = (event) => {
    const at = top + event.pageY - pressed.pageY;
    row.style.translate = `0 ${at - row.offsetTop}px`;
    const [above, below] = [row.previousElementSibling, row.nextElementSibling];
    if (above && at < middle(above)) row.after(above);
    else if (below && at + row.offsetHeight > middle(below)) row.before(below);
    else return;
    row.scrollIntoView({ block: "nearest" });
    follow(event);
  };
  const end = (event) => {
    controller.abort();
    row.classList.remove("dragged");
    row.style.translate = "";
    if (event.type !== "pointerup") arrange(list, before);
    dropped();
  };
  const controller = new AbortController();
  const { signal } = controller;
  handle.setPointerCapture(pressed.pointerId);
  row.classList.add("dragged");
  handle.addEventListener("pointermove", follow, { signal });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) handle.addEventListener(type, end, { signal });
  document.addEventListener("keydown", (event) => event.key === "Escape" && end(event), { signal });
}

async function save(list, row, before, wanted) {
  const form = document.getElementById(list.dataset.order);
  const body = new URLSearchParams(new FormData(form));
  body.set("order", wanted.join());
  const problem = list.closest(".panel").querySelector(".unsaved");
  problem.hidden = true;
  const answer = await post(form.action, body);
  if (answer?.ok) {
    const holds = (await answer.json()).order.map(String);
    form.elements.seen.value = holds.join();
    arrange(list, holds);
    announce(list, row);
  } else if (!answer || answer.status >= 500) {
    arrange(list, before);
    problem.hidden = false;
  } else {
    // Changed elsewhere, signed out by now: post it as the arrows do, and the page that answers says what is the case.
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "order", value: wanted.join() }));
    form.submit();
  }
}

async function post(action, body) {
  const headers = { Accept: "application/json" };
  try {
    const signal = AbortSignal.timeout(SECONDS * 1000);
    return await fetch(action, { method: "POST", body, headers, signal, redirect: "manual" });
  } catch {
    return null;
  }
}

const order = (list) => [...list.rows].map((row) => row.dataset.link);

function arrange(list, wanted) {
  const rows = new Map([...list.rows].map((row) => [row.dataset.link, row]));
  list.append(...wanted.map((link) => rows.get(link)).filter(Boolean));
  for (const row of list.rows) {
    row.querySelector("[name=up]").ariaDisabled = row === list.rows[0] ? "true" : null;
    row.querySelector("[name=down]").ariaDisabled = row === list.rows[list.rows.length - 1] ? "true" : null;
  }
}

function announce(list, row) {
  const places = document.getElementById(list.dataset.order).querySelector("template").content.children;
  const said = places[[...list.rows].indexOf(row)].cloneNode(true);
  said.querySelector("bdi").textContent = row.querySelector("strong").textContent;
  list.closest(".panel").querySelector("[role=status]").replaceChildren(...said.childNodes);
}
