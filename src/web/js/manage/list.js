// @ts-check
// A list of the account, newest first: pages, a search through all of them with a filter and an order, rows
// that open and can be chosen, and files of them. The caller makes the rows.
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
 * `{ node, load(), search(query), remove(id, told) }`. `title`, `label` and `hint` are the name and the texts
 * of the search; `path` returns pages of items; `total(metadata)` is the number of items; `columns` are the
 * headings of the cells from `row(item)`, which is `{ name, cells, texts }` (its name, and the texts to
 * search); `details(item)` makes the content of an open row; `empty()` replaces a list without items. The
 * rest adds a filter, an order, files and the deletion of several: see `ListOptions`.
 *
 * @template {{ id: string }} I
 * @param {ListOptions<I>} options
 * @returns {PagedList}
 */
export function pagedList({
  title, label, hint, path, total, columns, row, details, empty, filters = [], orders = [], exported, burn,
}) {
  const query = field(label,
    h("input", { type: "search", autocomplete: "off", spellcheck: "false", maxlength: 200 }), hint);
  const all = h("button", { type: "button", class: "button", hidden: true, onclick: () => leave() },
    t("manage.search_all"));
  const form = h("form", {
    class: "search", role: "search", onsubmit: (event) => {
      event.preventDefault();
      search(query.control.value);
    },
  }, query.node, h("button", { type: "submit", class: "button" }, t("manage.search")), all);
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
  const chosen = burn ? selection({
    burn, onDone: async (text) => {
      await search(query.control.value);
      write(told, text);
      told.focus();
    },
  }) : null;
  const tools = h("div", { class: "list-tools" },
    filters.length > 0 && filter, orders.length > 0 && order, exported && [saves("csv"), saves("json")],
    chosen?.node);
  const told = h("p", { class: "told", tabindex: "-1", role: "status" });
  const progress = h("div", {});
  const place = h("div", { class: "items" });
  const pager = h("nav", { class: "pager", "aria-label": title });
  const node = h("div", { class: "paged" }, form, tools, told, progress, place, pager);

  // The current view: a page of the server, or the results of a search.
  let offset = 0;
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
   * @param {number} from
   * @param {number} count
   * @param {number} of
   * @param {(from: number) => unknown} go
   */
  const pages = (from, count, of, go) => {
    if (of <= PAGE && from === 0) return replace(pager);
    /**
     * @param {TextLike} text
     * @param {number} to
     * @param {boolean} isOff
     */
    const button = (text, to, isOff) => h("button", {
      type: "button", class: "button small", "aria-disabled": isOff ? "true" : null, onclick: async () => {
        if (isOff) return;
        await go(to);
        told.focus();
      },
    }, text);
    return replace(pager,
      button(t("manage.newer"), Math.max(0, from - PAGE), from === 0),
      h("span", {}, t("manage.list_of", { from: from + 1, to: from + count, total: of })),
      button(t("manage.older"), from + PAGE, from + count >= of));
  };

  /** Shows the page that begins at `from`. */
  const load = async (from = 0) => {
    const signal = fresh();
    node.setAttribute("aria-busy", "true");
    try {
      const answer = await ask("GET", `${path}?offset=${from}`, { signal });
      const count = total(answer.metadata);
      // The last item of the page was removed.
      if (!answer.data.length && from > 0) return await load(Math.max(0, from - PAGE));
      found = null;
      offset = from;
      all.hidden = true;
      form.hidden = tools.hidden = !count;
      told.textContent = "";
      if (answer.data.length) table(answer.data);
      else replace(place, empty());
      const to = from + answer.data.length;
      if (count > PAGE) write(told, t("manage.list_of", { from: from + 1, to, total: count }));
      pages(from, answer.data.length, count, load);
    } catch (error) {
      failed(error, () => load(from));
    } finally {
      if (!signal.aborted) node.removeAttribute("aria-busy");
    }
    return undefined;
  };

  const showFound = (from = 0) => {
    offset = from;
    const all = found ?? [];
    const items = all.slice(from, from + PAGE);
    table(items);
    pages(from, items.length, all.length, showFound);
  };

  const leave = async () => {
    query.control.value = "";
    filter.selectedIndex = order.selectedIndex = 0;
    await load();
    query.control.focus();
  };

  /**
   * All items, page by page, each once; shows the progress.
   *
   * @param {AbortSignal} signal
   * @param {(items: I[]) => void} onItems
   */
  const walk = async (signal, onItems) => {
    const seen = new Set();
    let of = 0;
    const bar = countedProgress({ label: t("manage.searching"), onCancel: () => running.abort() });
    replace(progress, bar.node);
    let error = null;
    try {
      for (let from = 0; from === 0 || from < of; from += PAGE) {
        const answer = await ask("GET", `${path}?offset=${from}`, { signal });
        of = total(answer.metadata);
        if (!answer.data.length) break;
        const news = /** @type {I[]} */ (answer.data).filter((item) => !seen.has(item.id));
        for (const item of news) seen.add(item.id);
        onItems(news);
        bar.update(seen.size, of, t("manage.searching_of", { done: seen.size, total: of }));
      }
    } catch (thrown) {
      error = thrown;
    }
    return { searched: seen.size, left: Math.max(0, of - seen.size), error, cancel: bar.cancel };
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
    saveList(format, `${path.split("/").at(-1)}`, items);
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
      fitting.sort(compare);
      showFound();
    }
    pages(offset, Math.min(PAGE, fitting.length - offset), fitting.length, showFound);
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
    if (found) {
      found = found.filter((item) => item.id !== id);
      showFound(Math.min(offset, Math.max(0, Math.ceil(found.length / PAGE - 1) * PAGE)));
      if (!found.length) replace(place, h("p", { class: "muted" }, t("manage.none_found")));
    } else {
      await load(offset);
    }
    write(told, text);
    told.focus();
  };

  return { node, load, search, remove };
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

/**
 * Names and values; those without a value are left out.
 *
 * @param {...[TextLike, Child]} entries
 */
export function facts(...entries) {
  const empty = [null, undefined, "", false];
  return h("dl", {}, ...entries.filter(([, value]) => !empty.some((nothing) => value === nothing))
    .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/**
 * A text of a user, with its line breaks.
 *
 * @param {string | null} text
 */
export function written(text) {
  return text ? h("span", { class: "pre", translate: "no" }, text) : null;
}

/**
 * The name of an item: its description, its message, or only its id.
 *
 * @param {{ id: string, description: string | null, message: string | null }} item
 */
export function called({ description, message, id }) {
  const text = description || message;
  return h("div", {},
    text
      ? h("span", { class: "named", translate: "no" }, text)
      : h("span", { class: "muted" }, t("manage.no_description")),
    h("span", { class: "mono muted small id", translate: "no" }, id));
}
