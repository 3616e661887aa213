// Where the tabs scroll, bring the current one into view. Without this script they start at the first.
const strip = document.querySelector(".tabs .strip");
const current = strip?.querySelector("[aria-current]");
if (current && strip.scrollWidth > strip.clientWidth) {
  strip.scrollLeft = current.offsetLeft - strip.offsetLeft - (strip.clientWidth - current.offsetWidth) / 2;
}
