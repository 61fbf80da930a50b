// The part "Which digit was it?": a game for one, or for a class that votes by show of hands.
"use strict";

const game = (() => {
  const chain = new Chain(byId("game-pictures"), byId("game-samples"), "Truth");
  const buttons = [];
  let seed = 0, order = [], round = 0, votes = [], answered = false;
  let result = null; // a promise of what the networks make of the digit of this round
  let scores;

  for (let digit = 0; digit < 10; digit++) {
    const count = make("span", {class: "count"});
    const button = make("button", {type: "button"}, make("b", {}, String(digit)), count);
    button.addEventListener("click", () => vote(digit));
    buttons.push(button);
    byId("votes").append(button);
  }

  const digit = () => settings.game[order[round]];

  /** Begins the game of a seed: everyone with the same seed gets the same digits. */
  function open(text) {
    const linked = Number(new URLSearchParams(text).get("game"));
    const next = Number.isInteger(linked) && linked > 0 ? linked
      : seed || 1 + Math.floor(Math.random() * 9999);
    if (next !== seed) begin(next);
    setAddress("game", `game=${seed}`);
  }

  function begin(newSeed) {
    seed = newSeed;
    const random = randomNumbers(seed);
    order = settings.game.map((_, i) => i);
    for (let i = order.length - 1; i > 0; i--) {
      const other = Math.floor(random() * (i + 1));
      [order[i], order[other]] = [order[other], order[i]];
    }
    scores = {votes: [0, 0], bicubic: [0, 0], network: [0, 0], samples: [0, 0]};
    round = 0;
    ask();
    showScore();
  }

  function ask() {
    answered = false;
    votes = [];
    byId("game-answer").hidden = true;
    byId("outcome").textContent = "Which digit do you see?";
    byId("answer").textContent = "Show the answer";
    byId("round").textContent = `Digit ${round + 1} of ${order.length}`;
    const image = Float32Array.from(atob(digit().pixels), letter => letter.charCodeAt(0) / 255);
    const lowRes = blockMean(image);
    paintImage(byId("question"), lowRes);
    byId("question").setAttribute("aria-label", "The 7x7 pixels of a test digit, brightness from 0 "
      + `to 9, row by row: ${inWords(lowRes)}`);
    showVotes();
    chain.begin(image);
    chain.waiting = true;
    const asked = order[round];
    result = compute(() => asked !== order[round]);
    result.catch(trouble);
  }

  /** The pixels as digits, for those who do not see them. */
  function inWords(lowRes) {
    return Array.from({length: 7}, (_, row) => Array.from(lowRes.slice(7 * row, 7 * row + 7),
      value => Math.round(9 * value)).join(" ")).join("; ");
  }

  async function compute(outdated) {
    const engine = await digitEngine();
    const made = await chain.compute(engine);
    const samples = await chain.draw(engine, blockMean(made.truth), made.answer, digit().index,
      outdated);
    return {made, samples};
  }

  function vote(chosen) {
    if (answered) return;
    votes.push(chosen);
    showVotes();
  }

  function unvote() {
    if (answered) return;
    votes.pop();
    showVotes();
  }

  function showVotes() {
    buttons.forEach((button, number) => {
      const count = votes.filter(chosen => chosen === number).length;
      button.querySelector(".count").textContent = count ? `${count}` : "";
      button.setAttribute("aria-label", `${number}: ${count} ${count === 1 ? "vote" : "votes"}`);
      button.classList.toggle("right", answered && number === digit().label);
      button.disabled = answered;
    });
    byId("unvote").disabled = answered || !votes.length;
  }

  async function goOn() {
    if (answered) {
      round++;
      if (round === order.length) begin(seed + 1);
      else ask();
      setAddress("game", `game=${seed}`);
      return;
    }
    answered = true;
    const {label} = digit();
    showVotes();
    byId("outcome").textContent = "The networks are still computing.";
    byId("answer").textContent = round + 1 < order.length ? "Next digit" : "New game";
    byId("game-answer").hidden = false;
    const asked = result;
    let computed;
    try {
      computed = await asked;
    } catch {
      return; // has been told
    }
    if (asked !== result || !computed.samples) return;
    const {made, samples} = computed;
    chain.show(made, label);
    chain.showSamples(samples, made.truth, label);
    const ofSamples = votesOf(samples.readings.slice(0, -1));
    const [, plain, network] = made.readings.map(reading => indexOfLargest(reading.a));
    count("votes", votes.filter(chosen => chosen === label).length, votes.length);
    count("bicubic", plain === label, 1);
    count("network", network === label, 1);
    count("samples", ofSamples[0][0] === label, 1);
    const right = votes.filter(chosen => chosen === label).length;
    const yours = !votes.length ? "Nobody has voted. "
      : votes.length === 1 ? `Your guess, ${votes[0]}, is ${right ? "right" : "wrong"}. `
        : `${right} of ${votes.length} votes are right. `;
    byId("outcome").replaceChildren(make("strong", {}, `It was ${article(label)}. `), yours,
      `The network's picture is read as ${article(network)}. `,
      ofSamples.length === 1 ? `All ten samples are read as ${article(ofSamples[0][0])}.`
        : `Of the ten samples, classifier A reads ${votesInWords(ofSamples)}.`);
    showScore();
  }

  function count(name, right, all) {
    scores[name][0] += Number(right);
    scores[name][1] += all;
  }

  function showScore() {
    const names = {votes: "Your votes", bicubic: "Classifier A on bicubic",
      network: "Classifier A on the network's picture",
      samples: "Classifier A on ten samples, the majority"};
    const rows = Object.entries(names).map(([name, title]) => {
      const [right, all] = scores[name];
      return make("tr", {}, make("th", {scope: "row"}, title),
        make("td", {}, all ? `${right} of ${all}` : "-"),
        make("td", {}, all ? percent(right / all) : "-"));
    });
    byId("score").replaceChildren(make("thead", {}, make("tr", {},
      make("th", {scope: "col"}, "Who"), make("th", {scope: "col"}, "Right"),
      make("th", {scope: "col"}, "Percent"))), make("tbody", {}, ...rows));
  }

  byId("answer").addEventListener("click", goOn);
  byId("unvote").addEventListener("click", unvote);
  byId("new-game").addEventListener("click", () => {
    begin(1 + Math.floor(Math.random() * 9999));
    setAddress("game", `game=${seed}`);
  });
  document.addEventListener("keydown", event => {
    if (byId("game").hidden || event.ctrlKey || event.altKey || event.metaKey) return;
    if (/^[0-9]$/.test(event.key)) vote(Number(event.key));
    else if (event.key === "Backspace") unvote();
    else if (event.key === "Enter" && !event.target.closest("button, a, summary")) goOn();
    else return;
    event.preventDefault();
  });

  return {open, chain, get scores() { return scores; }, get label() { return digit().label; }};
})();
