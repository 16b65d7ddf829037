// The text of datasets/catalog.toml, built into the library (datasets/CMakeLists.txt).
#pragma once

namespace kith {

extern const char kCatalogText[];

}  // namespace kith
