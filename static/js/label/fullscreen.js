// The labeling screen without the browser around it. Knows no image.

/**
 * @param {NodeListOf<HTMLElement>} buttons stay hidden where the browser cannot (telephones of one maker)
 * @returns {() => boolean} there and back; false: not here
 */
export function fullScreen(buttons) {
  if (!document.fullscreenEnabled) return () => false;
  const draw = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(document.fullscreenElement !== null));
  };
  for (const button of buttons) button.hidden = false;
  document.addEventListener("fullscreenchange", draw);
  draw();
  return () => {
    // The whole document, not the frame in it: the dialogs stand beside the frame.
    const changing = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
    changing.catch(draw); // refused by a policy or by the person: everything stays as it is
    return true;
  };
}
