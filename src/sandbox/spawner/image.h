// Image: the spawner's two mount namespaces. The host view resolves the paths of mount plans; the image holds nothing
// but the read-only system that every sandbox gets a copy of, so that copying is cheap and the host's tree is never
// inside a sandbox, not even for a moment.
#pragma once

#include "sandbox/spawner/sys.h"

namespace remit::spawner {

struct Image {
  Fd host_view;  // Mount namespaces, for setns.
  Fd image_view;
  Fd writable_root;      // The image's root, writable; its visible mount is read-only.
  Fd host_proc;          // The /proc that shows the spawner and its children by their own numbers.
  bool is_root = false;  // Of the initial user namespace or of one that maps other ids too: it may choose ids.
};

// Leaves the caller inside the image.
Status build_image(Image& image);

Status enter_host_view(const Image& image);
Status enter_image(const Image& image);

// Makes the first folder of `target` in the image when it is missing (a mount point for the sandbox's own tree).
Status ensure_top_folder(const Image& image, const char* target);

}  // namespace remit::spawner
