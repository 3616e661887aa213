// Which of the chosen files are archives, which tables of labels, and which images travel together? No DOM here: easy to test.

const ARCHIVE = /\.(zip|tar|tar\.gz|tgz|tar\.bz2|tar\.xz)$/i;
const LABELS = /\.(csv|tsv|jsonl|ndjson|json|xml|parquet)$/i;
// What systems put beside images by themselves.
const JUNK = /^(\.|__MACOSX|Thumbs\.db$|desktop\.ini$)/i;

const MOST_FILES = 20;
// The first request is small, so that labeling can start after it.
const FIRST_FILES = 4;
const MOST_BYTES = 24 * 1024 * 1024;

/** @param {{file: File, path: string}[]} chosen */
export function sorted(chosen) {
  const wanted = chosen.filter(({ path }) => !path.split("/").some((part) => JUNK.test(part)));
  return {
    archives: wanted.filter(({ file }) => ARCHIVE.test(file.name)),
    labels: wanted.filter(({ file }) => LABELS.test(file.name)),
    images: wanted.filter(({ file }) => !ARCHIVE.test(file.name) && !LABELS.test(file.name)),
    left: chosen.length - wanted.length,
  };
}

/**
 * Small requests: each shows progress, and one that fails is sent again alone. A file larger than the limit goes alone.
 * @param {{file: File, path: string}[]} images
 */
export function batches(images) {
  const all = [];
  let bytes = Infinity;
  for (const image of images) {
    if (bytes + image.file.size > MOST_BYTES || all.at(-1).length >= (all.length === 1 ? FIRST_FILES : MOST_FILES)) {
      all.push([]);
      bytes = 0;
    }
    all.at(-1).push(image);
    bytes += image.file.size;
  }
  return all;
}
