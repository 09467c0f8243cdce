// @ts-check
// A list of the account, newest first: pages, a search through all of them with a filter and an order, rows
// that open and can be chosen, and files of them. The caller reads the items and makes the rows.
import { announce, field, h, notice, replace } from "../common/dom.js";
import { write } from "../common/live.js";
import { lang, t } from "../common/page.js";
import { ask, sentence } from "./call.js";
import { countedProgress } from "./counted.js";
import { saveList } from "./export.js";
import { selection } from "./selection.js";

/** The page size of the server. */
const PAGE = 50;

/**
 * Reads the pages of a list of the server, by cursor. `total(metadata)` is the number of items.
 *
 * @param {string} path
 * @param {(metadata: Record<string, number>) => number} total
 * @returns {ListOptions<any>["read"]}
 */
export function pagesOf(path, total) {
  return async (cursor, signal) => {
    const answer = await ask("GET", `${path}?cursor=${encodeURIComponent(cursor ?? "")}`, { signal });
    return { items: answer.data, total: total(answer.metadata), next: answer.next_cursor };
  };
}

/**
 * `{ node, load(), search(query), remove(id, told), renew(told) }`. `title` and `name` are the list's names for people and
 * for files; `label` and `hint` are the texts of the search, which a short list does not have; `read(cursor)`
 * returns a page of items; `columns` are the headings of the cells from `row(item)`, which is
 * `{ name, cells, texts }` (its name, and the texts to search); `details(item)` makes the content of an open
 * row; `empty()` replaces a list without items. The rest adds a filter, an order, files and the deletion of
 * several: see `ListOptions`.
 *
 * @template {{ id: string }} I
 * @param {ListOptions<I>} options
 * @returns {PagedList}
 */
export function pagedList({
  title, name: fileName, label, hint, read, columns, row, details, empty, filters = [], orders = [], exported,
  deletion,
}) {
  const query = field(label ?? title,
    h("input", { type: "search", autocomplete: "off", spellcheck: "false", maxlength: 200 }), hint);
  const all = h("button", { type: "button", class: "button", hidden: true, onclick: () => leave() },
    t("manage.search_all"));
  const form = h("form", {
    class: "search", role: "search", onsubmit: (event) => {
      event.preventDefault();
      search(query.control.value);
    },
  }, label && [query.node, h("button", { type: "submit", class: "button" }, t("manage.search"))], all);
  /**
   * @param {TextLike} name
   * @param {TextLike[]} labels
   */
  const select = (name, labels) => h("select", {
    autocomplete: "off", "aria-label": name, onchange: () => search(query.control.value),
  }, ...labels.map((text, at) => h("option", { value: at }, text)));
  const filter = select(t("manage.filter"), [t("manage.filter_all"), ...filters.map(({ label: text }) => text)]);
  const order = select(t("manage.order"), [t("manage.order_newest"), ...orders.map(({ label: text }) => text)]);
  /** @param {"csv" | "json"} format */
  const saves = (format) => h("button", {
    type: "button", class: "button small", onclick: () => save(format),
  }, t(`manage.save_${format}`));
  const chosen = deletion ? selection({
    ...deletion, onDone: (text) => renew(text),
  }) : null;
  const tools = h("div", { class: "list-tools" },
    filters.length > 0 && filter, orders.length > 0 && order, exported && [saves("csv"), saves("json")],
    chosen?.node);
  const told = h("p", { class: "told", tabindex: "-1", role: "status" });
  const progress = h("div", {});
  const place = h("div", { class: "items" });
  const pager = h("nav", { class: "pager", "aria-label": title });
  const node = h("div", { class: "paged" }, form, tools, told, progress, place, pager);

  // The current view: a page of the server, or the results of a search from `offset` on.
  let offset = 0;
  let page = 0;
  /**
   * The cursors of the pages up to the one after the current page.
   *
   * @type {(string | null)[]}
   */
  const cursors = [null];
  /** @type {I[] | null} */
  let found = null;
  let running = new AbortController();
  let body = h("tbody");

  const fresh = () => {
    running.abort();
    running = new AbortController();
    replace(progress);
    return running.signal;
  };

  /**
   * @param {Error} error
   * @param {() => void} again
   */
  const failed = (error, again) => {
    const text = sentence(error);
    if (!text) return;
    replace(progress, notice("bad", h("p", {}, text),
      h("button", { type: "button", class: "button small", onclick: again }, t("manage.retry"))));
  };

  /** @param {I} item */
  const rowsOf = (item) => {
    const { name, cells } = row(item);
    return openingRow({ item, columns, details, name, cells, box: chosen?.box(item.id, name) });
  };

  /** @param {I[]} items */
  const table = (items) => {
    chosen?.clear();
    body = h("tbody", {}, ...items.flatMap(rowsOf));
    replace(place, h("table", { class: "rows" },
      h("thead", {}, h("tr", {},
        chosen && h("th", { scope: "col", class: "choose", "data-label": t("manage.select_all") }, chosen.all),
        ...columns.map((title) => h("th", { scope: "col" }, title)),
        h("th", { scope: "col" }, h("span", { class: "hidden" }, t("manage.details"))))),
      body));
  };

  /**
   * The buttons to the pages around one; null where there is none.
   *
   * @param {{ from: number, count: number, of: number }} shown
   * @param {(() => unknown) | null} newer
   * @param {(() => unknown) | null} older
   */
  const pages = ({ from, count, of }, newer, older) => {
    if (!newer && !older) return replace(pager);
    /**
     * @param {TextLike} text
     * @param {(() => unknown) | null} go
     */
    const button = (text, go) => h("button", {
      type: "button", class: "button small", "aria-disabled": go ? null : "true", onclick: async () => {
        if (!go) return;
        await go();
        told.focus();
      },
    }, text);
    return replace(pager,
      button(t("manage.newer"), newer),
      h("span", {}, t("manage.list_of", { from: from + 1, to: from + count, total: of })),
      button(t("manage.older"), older));
  };

  /**
   * Shows a page, by its number; those before it were shown already.
   *
   * @param {number} at
   * @returns {Promise<void>}
   */
  const load = async (at = 0) => {
    const signal = fresh();
    node.setAttribute("aria-busy", "true");
    try {
      const { items, total: of, next } = await read(cursors[at], signal);
      cursors.splice(at + 1, Infinity, ...(next ? [next] : []));
      // All items of the page were removed meanwhile.
      if (!items.length && (next || at > 0)) return await load(next ? at + 1 : at - 1);
      found = null;
      page = at;
      all.hidden = true;
      form.hidden = !of || !label;
      tools.hidden = !of;
      told.textContent = "";
      if (items.length) table(items);
      else replace(place, empty());
      // The last page ends at the end, also if items before it were removed meanwhile.
      const from = Math.min(next ? at * PAGE : of, of - items.length);
      const shown = { from, count: items.length, of };
      if (next || at > 0) write(told, t("manage.list_of", { from: from + 1, to: from + items.length, total: of }));
      pages(shown, at > 0 ? () => load(at - 1) : null, next ? () => load(at + 1) : null);
    } catch (error) {
      failed(error, () => load(at));
    } finally {
      if (!signal.aborted) node.removeAttribute("aria-busy");
    }
    return undefined;
  };

  /** The pages around the shown results. */
  const foundPages = () => {
    const of = found?.length ?? 0;
    const shown = { from: offset, count: Math.max(0, Math.min(PAGE, of - offset)), of };
    pages(shown,
      offset > 0 ? () => showFound(offset - PAGE) : null,
      offset + PAGE < of ? () => showFound(offset + PAGE) : null);
  };

  const showFound = (from = 0) => {
    offset = from;
    form.hidden = false;
    table((found ?? []).slice(from, from + PAGE));
    foundPages();
  };

  const leave = async () => {
    query.control.value = "";
    filter.selectedIndex = order.selectedIndex = 0;
    await load();
    query.control.focus();
  };

  /**
   * All items, page by page, each once, also while others create and delete some; shows the progress.
   *
   * @param {AbortSignal} signal
   * @param {(items: I[]) => void} onItems
   */
  const walk = async (signal, onItems) => {
    let [searched, of] = [0, 0];
    const bar = countedProgress({ label: t("manage.searching"), onCancel: () => running.abort() });
    replace(progress, bar.node);
    let error = null;
    try {
      /** @type {string | null} */
      let cursor = null;
      do {
        const { items, total, next } = await read(cursor, signal);
        [cursor, of] = [next, total];
        searched += items.length;
        onItems(items);
        bar.update(searched, of, t("manage.searching_of", { done: searched, total: of }));
      } while (cursor);
    } catch (thrown) {
      error = thrown;
    }
    return { searched, left: Math.max(0, of - searched), error, cancel: bar.cancel };
  };

  /** @param {"csv" | "json"} format */
  const save = async (format) => {
    /** @type {Record<string, unknown>[]} */
    const items = [];
    if (found) {
      items.push(...found.map((item) => exported?.(item) ?? {}));
    } else {
      const signal = fresh();
      const { error } = await walk(signal, (news) => items.push(...news.map((item) => exported?.(item) ?? {})));
      if (signal !== running.signal) return;
      replace(progress);
      // A part of a list must not look like all of it.
      if (error) return void (error.name !== "AbortError" && failed(error, () => save(format)));
    }
    saveList(format, fileName, items);
    announce(t("manage.list_saved", { count: items.length }));
  };

  /**
   * Searches all pages for items with all of the words, within the filter, in the chosen order.
   *
   * @param {string} text
   */
  const search = async (text) => {
    query.control.value = text;
    const words = text.toLocaleLowerCase(lang).split(/\s+/).filter(Boolean);
    const fits = filters[filter.selectedIndex - 1]?.fits ?? (() => true);
    const compare = orders[order.selectedIndex - 1]?.compare;
    if (!words.length && filter.selectedIndex <= 0 && !compare) return load();
    const signal = fresh();
    told.textContent = "";
    all.hidden = false;
    /** @type {I[]} */
    const fitting = found = [];
    showFound();
    const { searched, left, error, cancel } = await walk(signal, (news) => {
      const more = news.filter((item) => fits(item) && hasAll(row(item).texts, words));
      // Existing rows stay, because one may be open. In another order than the server's, the first row is only
      // known at the end.
      const room = offset === 0 && !compare ? Math.max(0, PAGE - fitting.length) : 0;
      fitting.push(...more);
      body.append(...more.slice(0, room).flatMap(rowsOf));
    });
    if (signal !== running.signal) return undefined;
    if (error && error.name !== "AbortError") {
      failed(error, () => search(text));
      return undefined;
    }
    const had = cancel === document.activeElement;
    replace(progress);
    if (compare) {
      // Items of the same moment: those of the server are newest first.
      fitting.reverse().sort(compare);
      showFound();
    }
    foundPages();
    if (!fitting.length) replace(place, h("p", { class: "muted" }, t("manage.none_found")));
    const numbers = { count: fitting.length, searched, left };
    write(told, t(signal.aborted ? "manage.found_some" : "manage.found", numbers));
    if (had) told.focus();
    return undefined;
  };

  /**
   * Removes an item from the list and shows a message.
   *
   * @param {string} id
   * @param {TextLike} text
   */
  const remove = async (id, text) => {
    if (!found) return renew(text);
    found = found.filter((item) => item.id !== id);
    showFound(Math.min(offset, Math.max(0, Math.ceil(found.length / PAGE - 1) * PAGE)));
    if (!found.length) replace(place, h("p", { class: "muted" }, t("manage.none_found")));
    return tell(text);
  };

  /**
   * Reads what is shown again, after a change, and shows a message.
   *
   * @param {TextLike} text
   */
  const renew = async (text) => {
    await (found ? search(query.control.value) : load(page));
    tell(text);
  };

  /** @param {TextLike} text */
  const tell = (text) => {
    write(told, text);
    told.focus();
  };

  return { node, load, search, remove, renew };
}

/**
 * @param {(TextLike | null)[]} texts
 * @param {string[]} words
 */
function hasAll(texts, words) {
  const whole = texts.filter(Boolean).join("\n").toLocaleLowerCase(lang);
  return words.every((word) => whole.includes(word));
}

let opened = 0;

/**
 * A row, and a second one with its details.
 *
 * @template I
 * @param {{ item: I, columns: TextLike[], details: (item: I) => Node, name: string, cells: Child[],
 *   box?: HTMLElement }} options
 */
function openingRow({ item, name, cells, columns, details, box }) {
  const id = `details-${++opened}`;
  const inner = h("td", { colspan: columns.length + (box ? 2 : 1) });
  const more = h("tr", { class: "more", id, hidden: true }, inner);
  const button = h("button", {
    type: "button", class: "button small", "aria-expanded": "false", "aria-controls": id,
    "aria-label": t("manage.details_of", { name }), onclick: () => {
      more.hidden = !more.hidden;
      button.setAttribute("aria-expanded", String(!more.hidden));
      if (!more.hidden && !inner.firstChild) inner.append(details(item));
    },
  }, t("manage.details"));
  const first = h("tr", {},
    box && h("td", { class: "choose" }, box),
    ...cells.map((cell, index) => h("td", { "data-label": columns[index] }, h("div", {}, cell))),
    h("td", { class: "act" }, button));
  return [first, more];
}
