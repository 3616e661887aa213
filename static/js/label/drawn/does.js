// What keys and buttons do where people draw, by the names of labeler/accounts/preferences.py. False: not now.

import { objectFrom } from "../../draw/objects.js";
import { suggestedObjects } from "./origins.js";
import { usable } from "./usable.js";

const CLOSER = 1.5;

/** @param {import("./drawing.js").Drawing} drawing */
export function doesOf(drawing) {
  const { board, words, config, session } = drawing;
  const { scene } = board;
  const onImage = (act) => () => board.image !== null && session.painted && act();

  function keep() {
    const suggested = scene.chosenObjects.filter((object) => drawing.origins.isSuggested(object));
    if (!suggested.length) return drawing.tell(words.say("nothing_to_keep"));
    for (const { key } of suggested) drawing.origins.keep(key);
    board.shapes.anew();
    board.redraw();
    drawing.announce(words.count("kept", suggested.length));
    drawing.onChange();
  }

  /** On demand: objects of the pre-label below their threshold, dashed and chosen, so that Delete takes them away. */
  async function lessSure() {
    const { imageId } = drawing;
    let found = [];
    try {
      found = suggestedObjects({ objects: await drawing.pixels.lessSure(imageId) });
    } catch (error) {
      return drawing.tell(error.message);
    }
    if (drawing.imageId !== imageId || !session.painted) return; // another image by now
    const there = new Set(scene.objects.map(({ from }) => from));
    const added = usable(found.filter(({ from }) => !there.has(from)), config.categories);
    if (!added.length) return drawing.tell(words.say("no_less_sure"));
    drawing.origins.add(added);
    scene.step("less sure", () => scene.choose(added.map((object) => scene.add(objectFrom(object)))));
    drawing.tell(words.count("less_sure", added.length));
  }

  function zoom(by) {
    const { crosshair, picture, pointer } = board;
    picture.zoom(by, crosshair.isShown ? crosshair.onStage() : (pointer ?? picture.middle));
  }

  /** The list of objects, which lies over the image on a narrow screen. */
  function toggleList() {
    const lab = document.getElementById("lab");
    lab.dataset.objects = lab.dataset.objects === "open" ? "closed" : "open";
    for (const button of document.querySelectorAll('[data-does="objects"]')) button.setAttribute("aria-expanded", String(lab.dataset.objects === "open"));
  }

  /** A button of the list, about one object. */
  function to(what, key, event) {
    if (what === "choose") {
      const others = event.shiftKey || event.ctrlKey || event.metaKey ? scene.chosen.filter((each) => each !== key) : [];
      scene.choose([...others, key]);
      if (!board.tool.keepsChoice) board.setTools("select");
      return board.sayChosen();
    }
    const before = scene.chosen;
    const object = scene.get(key);
    if (what === "remove" && object.locked) return;
    if (what !== "choose") scene.choose([key]);
    board.does[what]();
    if (what !== "remove") scene.choose(before);
  }

  const named = ["join", "again", "remove", "hide", "lock", "up", "down", "before", "fit"];
  const tools = config.tools.filter((name) => name.startsWith("tool_"));
  return {
    to,
    ...Object.fromEntries(named.map((name) => [name, onImage(() => board.does[name]())])),
    ...Object.fromEntries(tools.map((name) => [name, () => take(board, name.replace("tool_", ""))])),
    step_undo: onImage(() => board.does.undo()),
    step_redo: onImage(() => board.does.redo()),
    keep: onImage(keep),
    less_sure: onImage(() => void lessSure()),
    zoom_in: onImage(() => zoom(CLOSER)),
    zoom_out: onImage(() => zoom(1 / CLOSER)),
    objects: toggleList,
  };
}

function take(board, name) {
  board.setTools(name);
  board.sayThat("tool", { name: board.spoken.say(`tool_${name}`) });
}
