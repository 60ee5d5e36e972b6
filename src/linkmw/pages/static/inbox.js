// Sees that the mail's link was opened, and goes on (AKE-13). An addition: "Continue" and "Resend" do the same without it.

const EVERY = 3; // seconds

const form = document.querySelector("form[data-state]");
const ends = Date.now() + form.dataset.seconds * 1000;
let timer;

async function look() {
  clearTimeout(timer);
  const answer = await ask();
  if (answer?.confirmed) form.requestSubmit();
  else if (answer && Date.now() < ends && !document.hidden) timer = setTimeout(look, EVERY * 1000);
}

// What the hub says; null when it says no: the sign-in has expired, and "Continue" shows the page that says so.
async function ask() {
  try {
    const signal = AbortSignal.timeout(EVERY * 1000);
    const answer = await fetch(form.dataset.state, { headers: { Accept: "application/json" }, signal, redirect: "error" });
    return answer.ok ? await answer.json() : answer.status < 500 ? null : {};
  } catch {
    return {}; // no network just now
  }
}

document.addEventListener("visibilitychange", () => document.hidden || look());
look();

const button = document.querySelector("[data-wait]");
if (button) setTimeout(ready, button.dataset.wait * 1000);

function ready() {
  const early = document.getElementById("early");
  document.getElementById("ready").hidden = false;
  early.hidden = true;
  button.removeAttribute("aria-disabled");
  button.setAttribute("aria-describedby", "ready");
}
