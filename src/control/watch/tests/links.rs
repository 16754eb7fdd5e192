//! Links that are exchanged, folders that come and go, files that others name.

use std::os::unix::fs::symlink;

use super::*;

/// As Kubernetes lays out a ConfigMap: all files of a version in a folder, exchanged by renaming one link.
fn config_map(folder: &Path, version: &str, names: &[&str]) {
    fs::create_dir_all(folder.join(version)).unwrap();
    for name in names {
        fs::write(folder.join(version).join(name), version).unwrap();
        let link = folder.join(name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    symlink(version, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[test]
fn the_exchange_of_a_config_map_is_noticed() {
    for place in ["zones/acme", "zones"] {
        let mut scene = Scene::new(|top| config_map(&top.join(place), "..1", &["a.zone", "b.zone"]));
        let [a, b, c] = ["a.zone", "b.zone", "c.zone"].map(|name| format!("{place}/{name}"));
        for version in 2..5 {
            let folder = scene.path(place);
            config_map(&folder, &format!("..{version}"), &["a.zone", "b.zone"]);
            fs::remove_dir_all(folder.join(format!("..{}", version - 1))).unwrap();
            scene.until_only(&[&a, &b]);
        }
        config_map(&scene.path(place), "..5", &["a.zone", "b.zone", "c.zone"]);
        scene.until_only(&[&a, &b, &c]);
        // Somebody edits it in place.
        scene.write(&format!("{place}/..5/c.zone"), "edited");
        scene.until_only(&[&c]);
        // A version without the file: the link leads nowhere, then it goes.
        config_map(&scene.path(place), "..6", &["a.zone", "b.zone"]);
        fs::remove_file(scene.path(&c)).unwrap();
        scene.until_only(&[&a, &b, &c]);
    }
}

#[test]
fn the_exchange_of_a_linked_root_is_noticed() {
    let lay_out = |top: &Path, version: &str| {
        fs::create_dir_all(top.join(version).join("zones/acme")).unwrap();
        fs::create_dir_all(top.join(version).join("addrmaps")).unwrap();
        fs::write(top.join(version).join("zones/acme/a.zone"), version).unwrap();
    };
    // Once the folders themselves are links, once a folder on the way is.
    for direct in [true, false] {
        let mut scene = Scene::new(|top| {
            lay_out(top, "1");
            symlink("1", top.join("now")).unwrap();
            let target = if direct { "1" } else { "now" };
            for tree in ["zones", "addrmaps"] {
                symlink(format!("{target}/{tree}"), top.join(tree)).unwrap();
            }
        });
        for version in ["2", "3"] {
            lay_out(scene.top.path(), version);
            match direct {
                true => scene.sh(&format!("ln -s {version}/zones new; mv -T new zones")),
                false => scene.sh(&format!("ln -s {version} new; mv -T new now")),
            }
            scene.until_seen(&["zones"]);
            scene.settle();
            scene.write("zones/acme/a.zone", "edited");
            scene.until_only(&["zones/acme/a.zone"]);
        }
    }
}

#[test]
fn the_root_that_goes_and_comes_back_is_noticed() {
    let mut scene = Scene::new(|_| {});
    scene.sh("mv zones away");
    scene.until_seen(&["zones"]);
    scene.sh("rm -r addrmaps");
    scene.until_seen(&["addrmaps"]);
    scene.sh("mv away zones; mkdir addrmaps; echo x > addrmaps/a.toml");
    scene.until_seen(&["addrmaps", "zones"]);
    scene.settle();
    scene.write("zones/acme/a.zone", "x");
    scene.until_only(&["zones/acme/a.zone"]);
}

#[test]
fn a_file_that_another_names_is_followed_wherever_it_lies() {
    let mut scene = Scene::new(|top| {
        fs::create_dir(top.join("shared")).unwrap();
        fs::write(top.join("shared/real.inc"), "x").unwrap();
        symlink("real.inc", top.join("shared/link.inc")).unwrap();
    });
    let files = ["shared/link.inc", "shared/missing.inc"].map(|name| scene.path(name));
    scene.watch.follow(files.iter().map(PathBuf::as_path));
    // Either may have changed since it was read.
    scene.until_only(&["shared/link.inc", "shared/missing.inc"]);
    scene.watch.follow(files.iter().map(PathBuf::as_path));
    scene.write("shared/nobody.inc", "x");
    scene.write("shared/real.inc", "y");
    scene.until_only(&["shared/link.inc"]);
    scene.write("shared/missing.inc", "y");
    scene.until_only(&["shared/missing.inc"]);
    scene.sh("ln -s missing.inc shared/new; mv -T shared/new shared/link.inc");
    scene.until_only(&["shared/link.inc"]);
    scene.write("shared/missing.inc", "z");
    scene.until_only(&["shared/link.inc", "shared/missing.inc"]);
}

#[test]
fn links_do_not_lead_the_watch_out_of_an_account() {
    let mut scene = Scene::new(|top| {
        fs::create_dir_all(top.join("zones/acme")).unwrap();
        fs::create_dir_all(top.join("outside")).unwrap();
        symlink(top.join("outside"), top.join("zones/acme/folder")).unwrap();
        symlink(top.join("outside/a.zone"), top.join("zones/acme/a.zone")).unwrap();
        symlink("..", top.join("zones/acme/up")).unwrap();
        symlink(".", top.join("zones/acme/again")).unwrap();
    });
    scene.write("outside/a.zone", "x");
    assert_eq!(scene.settle(), BTreeSet::from([SENTINEL.to_owned()]));
    scene.write("zones/acme/b.zone", "x");
    assert!(scene.until_seen(&["zones/acme/b.zone"]).len() <= 4);
}

#[test]
fn a_folder_on_the_way_of_a_link_is_exchanged() {
    let mut scene = Scene::new(|top| {
        sh(top, "mkdir -p deep/er; echo x > deep/er/real.inc; ln -s deep/er/real.inc link.inc");
    });
    let link = scene.path("link.inc");
    scene.watch.follow([link.as_path()]);
    scene.until_only(&["link.inc"]);
    // Its watched folder goes; nobody watches the one above.
    scene.sh("mv deep/er away");
    scene.until_only(&["link.inc"]);
    scene.sh("mv away deep/er");
    scene.until_only(&["link.inc"]);
    scene.write("deep/er/real.inc", "y");
    scene.until_only(&["link.inc"]);
}
