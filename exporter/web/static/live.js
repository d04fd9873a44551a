// Keeps the page moving: says times anew each second, and asks the API every few seconds. The page works without it.
"use strict";

const REFRESH_EVERY = 5000; // milliseconds
const STALE_AFTER = 20; // seconds
const about = document.body.dataset;
const live = document.getElementById("live");
let ahead = Number(about.now) - Date.now() / 1000; // how far the server's clock is ahead of ours, in seconds
let answeredAt = Date.now() / 1000;

const now = () => Date.now() / 1000 + ahead;
const field = (row, name) => row.querySelector(`[data-field="${name}"]`);
const grouped = (number) => Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, ",");
const sum = (amounts) => Object.values(amounts).reduce((total, amount) => total + amount, 0);

// Words: the same as texts.py and words.py say.

function span(seconds) {
  let rest = Math.max(0, Math.trunc(seconds));
  const units = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
  for (const [index, [size, unit]] of units.entries()) {
    if (rest < size) continue;
    const below = units[index + 1];
    const more = below ? Math.trunc((rest % size) / below[0]) : 0;
    return `${Math.trunc(rest / size)}${unit}` + (more ? ` ${more}${below[1]}` : "");
  }
  return "0s";
}

function time(at, as) {
  if (at === null) return as === "ago" ? "never" : "—";
  if (as === "ago") return `${span(now() - at)} ago`;
  if (as === "ahead") return at - now() >= 1 ? `in ${span(at - now())}` : "now";
  return span(now() - at);
}

function acked(alert) {
  if (!alert.acked) return alert.shielded ? "shielded" : "no";
  return alert.acked_at === null || alert.created_at === null ? "yes" : `after ${span(alert.acked_at - alert.created_at)}`;
}

function deadline(alert) {
  const due = alert.deadline;
  if (due === null) return ["—", "quiet"];
  if (due.result !== null) {
    const told = { met: ["met", "good"], missed: ["missed", "bad"], ended: ["ended first", "quiet"] };
    return told[due.result] || ["not counted", "quiet"];
  }
  if (due.due_at === null) return ["creation unknown", "quiet"];
  if (alert.acked || alert.outcome !== null) return ["to be read", "quiet"];
  const left = due.due_at - now();
  if (left <= 0) return [`due ${span(-left)} ago`, "bad"];
  return [`in ${span(left)}`, left < due.target_seconds / 4 ? "warn" : "plain"];
}

function pace(source) {
  const { paused_until: until, requests_per_second: allowed, requests_per_second_configured: configured } = source;
  if (until !== null && until > now()) return `paused for ${span(until - now())}`;
  const rate = (number) => Number(number.toPrecision(3));
  return allowed >= configured ? `up to ${rate(configured)}/s` : `${rate(allowed)} of ${rate(configured)}/s`;
}

function failures(source) {
  const why = Object.entries(source.poll_failures).map(([reason, amount]) => `${reason} ${grouped(amount)}`).join(", ");
  return `${grouped(sum(source.poll_failures))} of ${grouped(source.polls)}` + (why ? `: ${why}` : "");
}

// What is shown, put right. Text is only ever set as text: nothing that comes from outside becomes markup.

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function sayOrHide(element, text) {
  say(element, text);
  element.hidden = text === "";
}

function setTime(element, at) {
  if (at === null) {
    delete element.dataset.at;
    element.removeAttribute("datetime");
    element.removeAttribute("title");
  } else {
    const iso = new Date(at * 1000).toISOString().slice(0, 19);
    element.dataset.at = at;
    element.dateTime = `${iso}Z`;
    element.title = `${iso.replace("T", " ")} UTC`;
  }
  say(element, time(at, element.dataset.as));
}

function setChip(element, word) {
  element.className = `chip ${word}`;
  say(element, word);
}

function setDeadline(cell, alert) {
  const [words, tone] = deadline(alert);
  const [text, bar] = cell.children;
  text.className = bar.className = tone;
  say(text, words);
  bar.hidden = tone !== "plain" && tone !== "warn";
  if (!bar.hidden) bar.value = 1 - (alert.deadline.due_at - now()) / alert.deadline.target_seconds;
}

function setLabels(element, labels) {
  const wanted = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  if (JSON.stringify(wanted) === JSON.stringify([...element.children].map((label) => label.textContent))) return;
  element.replaceChildren(...wanted.map((pair) => {
    const link = document.createElement("a");
    const query = new URLSearchParams(location.search);
    query.delete("page");
    query.append("label", pair);
    link.className = "label";
    link.href = `?${query}`;
    link.title = "only alerts with this label";
    link.textContent = pair;
    return link;
  }));
}

function setAlert(row, alert) {
  row.alert = alert;
  row.dataset.source = alert.source;
  row.dataset.id = alert.alert_id;
  setChip(field(row, "state"), alert.state);
  say(field(row, "outcome"), alert.outcome || "");
  say(field(row, "page"), alert.alert_name || alert.alert_id);
  field(row, "page").setAttribute("href", alert.page);
  say(field(row, "alert_id"), alert.alert_name ? alert.alert_id : "");
  setLabels(field(row, "labels"), alert.labels);
  sayOrHide(field(row, "error"), alert.error);
  say(field(row, "acked"), acked(alert));
  field(row, "acked").classList.toggle("good", alert.acked);
  setDeadline(field(row, "deadline"), alert);
  for (const name of ["created_at", "last_poll_at", "next_poll_at"]) setTime(field(row, name), alert[name]);
  const link = field(row, "bk_url");
  link.hidden = alert.bk_url === null;
  if (alert.bk_url !== null) {
    link.setAttribute("href", alert.bk_url);
    link.setAttribute("aria-label", `${alert.alert_id} in BlueKing`);
  }
}

function setAlerts(told) {
  const body = document.querySelector("#alert-table tbody");
  const key = (source, id) => `${source} ${id}`;
  const rows = new Map([...body.rows].map((row) => [key(row.dataset.source, row.dataset.id), row]));
  told.alerts.forEach((alert, index) => {
    const known = rows.get(key(alert.source, alert.alert_id));
    rows.delete(key(alert.source, alert.alert_id));
    const row = known || document.getElementById("alert-row").content.firstElementChild.cloneNode(true);
    setAlert(row, alert);
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] || null); // only what moved: the focus stays
  });
  rows.forEach((row) => row.remove());
  const of = told.matched === told.total ? "" : ` of ${grouped(told.total)}`;
  say(document.getElementById("matched"), grouped(told.matched) + of);
  document.getElementById("nothing").hidden = told.alerts.length > 0;
  say(document.getElementById("nothing"), told.total ? "No alert is like that." : "No alert is watched now.");
  say(document.getElementById("page"), `Page ${told.page} of ${told.pages}`);
  setPager("previous", told.page - 1, told.page > 1);
  setPager("next", told.page + 1, told.page < told.pages);
  say(document.getElementById("as-of"), new Date(told.as_of * 1000).toISOString().slice(0, 19).replace("T", " ") + " UTC");
}

function setPager(id, page, isThere) {
  const query = new URLSearchParams(location.search);
  query.set("page", page);
  const link = document.getElementById(id);
  link.setAttribute("href", `?${query}#alerts`);
  link.hidden = !isThere;
}

function setSources(told) {
  const rows = [...document.querySelectorAll("#sources tbody tr")];
  const names = told.sources.map((source) => source.name);
  const are = JSON.stringify([names, told.shards]);
  const were = JSON.stringify([rows.map((row) => row.dataset.name), JSON.parse(about.shards)]);
  if (are !== were) return location.reload();
  told.sources.forEach((source, index) => setSource(rows[index], source));
}

function setSource(row, source) {
  const states = Object.entries(source.watched).filter(([, amount]) => amount);
  setChip(field(row, "state"), source.state);
  sayOrHide(field(row, "trouble"), source.trouble);
  setTime(field(row, "last_success_at"), source.last_success_at);
  setTime(field(row, "last_good_cycle_at"), source.last_good_cycle_at);
  say(field(row, "watched"), states.map(([state, amount]) => `${grouped(amount)} ${state}`).join(", ") || "none");
  say(field(row, "requests"), grouped(Object.values(source.requests).reduce((total, codes) => total + sum(codes), 0)));
  say(field(row, "pace"), pace(source));
  say(field(row, "poll_failures"), failures(source));
}

// When.

async function ask(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const told = await answer.json();
  ahead = told.now - Date.now() / 1000;
  answeredAt = Date.now() / 1000;
  return told;
}

async function refresh() {
  try {
    if (about.alert) {
      const told = await ask(about.alert);
      const alert = told.alerts.find((each) => each.alert_id === about.id);
      const isElsewhere = !alert && told.pages > 1; // among the many whose id or labels hold its id as well
      if (!isElsewhere && alert?.last_poll_at !== JSON.parse(about.read)) location.reload();
    } else if (about.alerts) {
      const query = location.search;
      const told = await ask(about.alerts + query);
      if (query === location.search) setAlerts(told); // else another search was typed meanwhile
      setSources(await ask(about.sources));
    }
  } catch {
    // Shown by `tick` once it lasts: a single answer that is missed is no news.
  }
}

function tick() {
  for (const element of document.querySelectorAll("[data-at]")) say(element, time(Number(element.dataset.at), element.dataset.as));
  for (const row of document.querySelectorAll("#alert-table tbody tr")) {
    if (row.alert) setDeadline(field(row, "deadline"), row.alert);
  }
  const silent = Date.now() / 1000 - answeredAt;
  const isStale = isLive() && silent > STALE_AFTER;
  live.classList.toggle("stale", isStale);
  say(live, !isLive() ? "Paused" : isStale ? `No answer for ${span(silent)}` : "Live");
}

const isLive = () => live.getAttribute("aria-pressed") === "true";

function search(input) {
  const query = new URLSearchParams(location.search);
  query.delete("page");
  if (input.value) query.set("q", input.value);
  else query.delete("q");
  history.replaceState(null, "", `?${query}`);
  for (const link of document.querySelectorAll("thead a, .chosen a")) {
    const address = new URL(link.href);
    if (input.value) address.searchParams.set("q", input.value);
    else address.searchParams.delete("q");
    link.setAttribute("href", address.search + address.hash);
  }
  document.querySelectorAll("#alert-table .labels").forEach((labels) => labels.replaceChildren()); // made anew
  refresh();
}

if (about.alerts || about.alert) {
  live.hidden = false;
  live.addEventListener("click", () => {
    live.setAttribute("aria-pressed", String(!isLive()));
    answeredAt = Date.now() / 1000;
    if (isLive()) refresh();
    tick();
  });
  setInterval(tick, 1000);
  setInterval(() => { if (isLive() && !document.hidden) refresh(); }, REFRESH_EVERY);
  document.addEventListener("visibilitychange", () => { if (isLive() && !document.hidden) refresh(); });
  if (about.alerts) refresh();
}

function isUnheard(select) {
  const told = [...select.options].filter((option) => option.defaultSelected);
  return told.length ? !told.includes(select.selectedOptions[0]) : select.selectedIndex !== 0;
}

const filters = document.getElementById("filters");
if (filters) {
  let typed = 0;
  filters.q.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(() => search(filters.q), 250);
  });
  filters.addEventListener("change", (event) => { if (event.target.tagName === "SELECT") filters.requestSubmit(); });
  filters.addEventListener("formdata", (event) => {
    const given = [...event.formData]; // addresses without what nobody chose; several labels have one name
    for (const [name] of given) event.formData.delete(name);
    for (const [name, value] of given) if (value !== "") event.formData.append(name, value);
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      filters.q.focus();
    }
  });
  // Who was quicker than this script is heard now.
  if ([...filters.querySelectorAll("select")].some(isUnheard)) filters.requestSubmit();
  else if (filters.q.value !== filters.q.defaultValue) search(filters.q);
}
