//! The files that `build.rs` has embedded in the binary.

/// A file that is served unchanged.
pub(super) struct Embedded {
    /// Its path below `src/web`, with slashes; the path of a language's texts is below `src`.
    pub(super) name: &'static str,
    pub(super) content_type: &'static str,
    pub(super) plain: &'static [u8],
    pub(super) gzip: &'static [u8],
}

// `VERSION`, `ASSETS` and `TEMPLATES`.
include!(concat!(env!("OUT_DIR"), "/web.rs"));

/// The modules that a module needs: those that it imports, and those that they import, each once. Modules
/// that are imported on demand (`import()`) are not included.
pub(super) fn imports(module: &str) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    let mut open = vec![module.to_owned()];
    while let Some(name) = open.pop() {
        let Some(asset) = find(&name) else { continue };
        let (folder, _) = name.rsplit_once('/').unwrap_or_default();
        for imported in String::from_utf8_lossy(asset.plain).lines().filter_map(imported) {
            let Some(asset) = find(&resolve(folder, imported)) else { continue };
            if asset.name != module && !found.contains(&asset.name) {
                found.push(asset.name);
                open.push(asset.name.to_owned());
            }
        }
    }
    found
}

/// The asset of this name.
pub(super) fn find(name: &str) -> Option<&'static Embedded> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// The module that a line imports: `import … from "./x.js";`, `} from "./x.js";`, `import "./x.js";`
fn imported(line: &str) -> Option<&str> {
    let begins = ["import ", "export ", "} from "].iter().any(|word| line.starts_with(word));
    let (before, path) = line.strip_suffix("\";")?.rsplit_once('"')?;
    let is_import = before.ends_with("from ") || before == "import ";
    (begins && is_import && path.starts_with('.')).then_some(path)
}

fn resolve(folder: &str, path: &str) -> String {
    let mut segments: Vec<&str> = folder.split('/').collect();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_where_they_stand() {
        let cases = [
            ("import { a } from \"./a.js\";", Some("./a.js")),
            ("} from \"../crypto/b.js\";", Some("../crypto/b.js")),
            ("export { a } from \"./a.js\";", Some("./a.js")),
            ("import \"./c.js\";", Some("./c.js")),
            ("  const late = await import(\"./d.js\");", None),
            ("const from = \"./e.js\";", None),
            ("// import { a } from \"./a.js\";", None),
        ];
        for (line, expected) in cases {
            assert_eq!(imported(line), expected, "{line}");
        }
        assert_eq!(resolve("js/view", "../common/dom.js"), "js/common/dom.js");
        assert_eq!(resolve("js/crypto", "./bytes.js"), "js/crypto/bytes.js");
    }

    #[test]
    fn every_module_imports_what_is_there() {
        for asset in ASSETS.iter().filter(|asset| asset.name.ends_with(".js")) {
            let (folder, _) = asset.name.rsplit_once('/').unwrap();
            for path in str::from_utf8(asset.plain).unwrap().lines().filter_map(imported) {
                let imported = resolve(folder, path);
                assert!(find(&imported).is_some(), "{}: {path}", asset.name);
                // A page uses no module of another page, and shared modules use none of a page.
                let place = imported.split('/').nth(1).unwrap();
                let (is_own, is_crypto) = (imported.starts_with(folder), folder == "js/crypto");
                let is_shared =
                    matches!(place, "crypto" | "vendor") || place == "common" && !is_crypto;
                assert!(is_own || is_shared, "{}: {path}", asset.name);
            }
        }
    }

    #[test]
    fn types_of_every_module_are_checked() {
        let js = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/");
        let ours = ASSETS.iter().filter(|asset| asset.name.ends_with(".js"));
        for asset in ours.filter(|asset| !asset.name.contains("/vendor/")) {
            let source = std::fs::read_to_string(format!("{js}{}", asset.name)).unwrap();
            assert!(source.starts_with("// @ts-check\n"), "{}: tsc does not check it", asset.name);
        }
    }
}
