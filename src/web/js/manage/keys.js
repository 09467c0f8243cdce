// @ts-check
// The API keys of an account: the list, a form for new ones, which are shown once, names and revocation.
import { ApiError } from "../common/api.js";
import { busy, confirmDialog, field, h, notice, replace } from "../common/dom.js";
import { ask, attempt, keyIsGone } from "./call.js";
import { keyNotice } from "./key_notice.js";
import { facts } from "./facts.js";
import { pagedList } from "./list.js";
import { day, moment } from "./moment.js";
import { nameField, saveName } from "./name_field.js";
import { oldestFirst } from "./orders.js";
import { lang, t } from "../common/page.js";
import { settle } from "../common/stakes.js";

const PATH = "api/account/keys";
/** @type {["private", "public"]} */
const KINDS = ["private", "public"];

/** The card for the keys of the account: `{ node, load() }`. */
export function keysCard() {
  const told = h("div", {});
  /** @type {PagedList} */
  const list = pagedList(/** @type {ListOptions<ApiKeyEntry>} */ ({
    title: t("manage.keys"),
    name: "api_keys",
    read: async (_, signal) => {
      const { data } = await ask("GET", PATH, { signal });
      return { items: [...data].reverse(), total: data.length, next: null };
    },
    columns: [t("manage.key_name"), t("manage.key_kind"), t("manage.created"), t("manage.key_used")],
    row: (key) => ({
      name: key.name ?? key.id,
      cells: [
        called(key), h("span", { class: "badge" }, t(`manage.key_${key.kind}`)), moment(key.created_at),
        day(key.last_used_on),
      ],
      texts: [],
    }),
    details: (key) => keyDetails(key, list),
    filters: KINDS.map((kind) => ({ label: t(`manage.key_${kind}`), fits: (key) => key.kind === kind })),
    orders: [
      oldestFirst(),
      {
        label: t("manage.order_used"),
        compare: (one, other) => (other.last_used_on ?? "").localeCompare(one.last_used_on ?? ""),
      },
      {
        label: t("manage.order_name"),
        compare: (one, other) => (one.name ?? one.id).localeCompare(other.name ?? other.id, lang),
      },
    ],
    exported: ({ id, kind, name, created_at, last_used_on }) => ({ id, kind, name, created_at, last_used_on }),
    empty: () => h("p", {}),
  }));
  /** @param {{ key: string }} made */
  const added = async ({ key }) => {
    await list.load();
    const title = h("h3", { tabindex: "-1" }, t("manage.key_added"));
    replace(told, keyNotice({ title, text: t("manage.key_added_text"), key, label: t("manage.key") }));
    title.focus();
  };
  const node = h("section", { class: "card keys" },
    h("h2", {}, t("manage.keys")), h("p", {}, t("manage.keys_text")), list.node, told, keyForm(added));
  return { node, load: list.load };
}

/**
 * The name of a key, its id, and whether the page uses it.
 *
 * @param {ApiKeyEntry} key
 */
function called({ name, id, current }) {
  return h("div", {},
    name
      ? h("span", { class: "named", translate: "no" }, name)
      : h("span", { class: "muted" }, t("manage.key_unnamed")),
    h("span", { class: "mono muted small id", translate: "no" }, id),
    current && h("span", { class: "muted small" }, t("manage.key_current")));
}

/**
 * @param {ApiKeyEntry} key
 * @param {PagedList} list
 */
function keyDetails(key, list) {
  const problem = h("div", {});
  const path = `${PATH}/${encodeURIComponent(key.id)}`;
  const name = nameField(t("manage.key_name"), key.name, t("manage.key_name_hint"));
  const save = h("button", { type: "submit", class: "button" }, t("manage.display_name_save"));
  const rename = () => attempt(problem, async () => {
    const isSaved = await saveName(name, "name", async (text) => {
      await ask("PATCH", path, { body: { name: text } });
    });
    if (!isSaved) return;
    settle(name.node);
    await list.renew(t(name.control.value.trim() ? "manage.display_name_saved" : "manage.display_name_removed"));
  });
  const revoke = h("button", { type: "button", class: "button danger" }, t("manage.key_revoke"));
  revoke.addEventListener("click", async () => {
    const isSure = await confirmDialog({
      title: t("manage.key_revoke_title"), yes: t("manage.key_revoke"),
      text: t(key.current ? "manage.key_revoke_own" : "manage.key_revoke_text"),
    });
    if (!isSure) return;
    await busy(revoke, () => attempt(problem, async () => {
      try {
        await ask("DELETE", key.current ? `${path}?own=true` : path);
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) {
          return replace(problem, notice("bad", t("manage.key_last")));
        }
        // It is already revoked.
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      }
      return key.current ? keyIsGone() : list.remove(key.id, t("manage.key_revoked"));
    }));
  });
  return h("div", { class: "inner" },
    facts(
      [t("manage.id"), h("span", { class: "mono", translate: "no" }, key.id)],
      [t("manage.created"), moment(key.created_at, { isLong: true })],
      [t("manage.key_used"), day(key.last_used_on)],
    ),
    h("form", {
      novalidate: true, autocomplete: "off", onsubmit: (event) => {
        event.preventDefault();
        busy(save, rename);
      },
    }, name.node, problem, h("div", { class: "actions" }, save, revoke)));
}

/** @param {(made: { key: string }) => Promise<void>} onAdded */
function keyForm(onAdded) {
  const name = nameField(t("manage.key_name"), null, t("manage.key_name_hint"));
  const kind = field(t("manage.key_kind"), h("select", { autocomplete: "off" },
    ...KINDS.map((value) => h("option", { value }, t(`manage.key_${value}`)))), t("manage.key_kind_hint"));
  const problem = h("div", {});
  const submit = h("button", { type: "submit", class: "button primary" }, t("manage.add_key"));
  const add = () => attempt(problem, async () => {
    try {
      await saveName(name, "name", async (text) => {
        const { data } = await ask("POST", PATH, { body: { kind: kind.control.value, name: text } });
        name.control.value = "";
        await onAdded(data);
      });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      replace(problem, notice("bad", t("manage.key_full")));
    }
  });
  return h("form", {
    class: "add-key", novalidate: true, autocomplete: "off", onsubmit: (event) => {
      event.preventDefault();
      busy(submit, add);
    },
  }, h("h3", {}, t("manage.add_key")), h("div", { class: "row" }, name.node, kind.node), problem,
  h("div", { class: "actions" }, submit));
}
