// On a narrow screen the tabs scroll: bring the current one into view. Without this script they start at the first.
const tabs = document.querySelector(".tabs");
const current = tabs?.querySelector("[aria-current]");
if (current && tabs.scrollWidth > tabs.clientWidth) {
  tabs.scrollLeft = current.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - current.offsetWidth) / 2;
}
