// As a build leaves it: the values of a place are names, which `manage.py assets fill` replaces.
const API = "VITE_APP_API_URL";

const list = document.querySelector("#requests");
const notice = document.querySelector("#notice");

document.querySelector("#make").addEventListener("submit", async (event) => {
  event.preventDefault();
  const made = await ask("/requests/", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": cookie("csrftoken") },
    body: JSON.stringify({ orders: document.querySelector("#orders").value }),
  });
  if (made.ok) follow(await made.json(), "prepend");
});

const newest = await ask("/requests/");
if (newest.ok) for (const one of (await newest.json()).requests) follow(one, "append");

async function ask(path, options) {
  const answer = await fetch(API + path, { credentials: "same-origin", ...options });
  if (answer.status === 401) notice.innerHTML = '<a href="/login/">Sign in</a> first.';
  else notice.textContent = answer.ok ? "" : `The server answered ${answer.status}.`;
  return answer;
}

function follow(request, place) {
  const item = document.createElement("li");
  list[place](item);
  show(item, request);
  if (isOver(request)) return;
  const live = new EventSource(`${API}/requests/${request.id}/events/`);
  live.addEventListener("status", (event) => {
    show(item, JSON.parse(event.data));
    if (isOver(JSON.parse(event.data))) live.close();
  });
  live.addEventListener("full", () => live.close());
  poll(item, request.id, live);
}

// What is unchanged costs an answer without a body: the browser sends the ETag that it knows.
async function poll(item, id, live) {
  for (let seconds = 2; seconds; ) {
    await new Promise((resume) => setTimeout(resume, seconds * 1000));
    if (live.readyState === EventSource.OPEN) continue;
    try {
      const answer = await ask(`/requests/${id}/`, { cache: "no-cache" });
      if (answer.ok) show(item, await answer.json());
      seconds = answer.ok ? Number(answer.headers.get("Retry-After")) : 2;
    } catch {
      notice.textContent = "The server does not answer; asking again.";
    }
  }
  live.close();
}

function show(item, request) {
  item.replaceChildren();
  const words = document.createElement("span");
  words.className = request.state;
  words.textContent = {
    pending: "waits for a worker",
    processing: `${request.step} …`,
    completed: Object.entries(request.totals).map(([who, sum]) => `${who} ${sum} €`).join(" · "),
    failed: request.error,
  }[request.state];
  item.append(words);
  if (request.state === "processing") {
    const bar = document.createElement("progress");
    bar.max = 100;
    bar.value = request.percent;
    item.append(bar);
  }
}

function isOver(request) {
  return request.state === "completed" || request.state === "failed";
}

function cookie(name) {
  return document.cookie.match(`(?:^|; )${name}=([^;]*)`)?.[1] ?? "";
}
