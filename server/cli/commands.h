// Commands: what `kith` can do, one options struct and one function each. arguments_*.cc fills the structs
// from the command line; docs/cli.md explains the flags. Every function prints its own result and returns the
// exit code, or an Error that run_cli prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/cli/console.h"
#include "server/cli/exit_code.h"
#include "server/cli/session.h"

namespace kith {

/// The words of one new vector field, as create and load --create take them.
struct FieldWords {
  std::string metric = "l2";
  std::string type;                  // "" = f32, or bit for hamming
  std::string index;                 // "" = the default kind
  std::vector<std::string> options;  // NAME=VALUE
};

struct CreateOptions {
  Target target;
  std::string collection;
  uint32_t dim = 0;
  FieldWords words;
  std::vector<std::string> fields;  // NAME:DIM:METRIC:TYPE:INDEX; empty = one field "vector" of dim and words
  std::vector<std::string> payload;  // PATH:TYPE[:required]
};
Result<ExitCode> run_create(const CreateOptions& options, Console& console);

struct LoadOptions {
  Target target;
  std::string collection;
  std::vector<std::string> files;
  std::string field;  // "" = the only one
  bool create = false;
  FieldWords words;
  std::vector<std::string> payload;  // as in CreateOptions
  std::string attributes;            // JSONL, one payload a row
  bool points = false;               // JSONL of whole points; always so where there are several fields
  std::string hdf5_dataset = "train";
  std::string id_field = "id";
  std::string vector_field = "vector";
  uint64_t id_start = 0;
  uint64_t batch_rows = 0;  // 0 = as many as keep a message below kBatchBytes
  std::string durability = "sync";
  std::optional<uint64_t> ttl_s;  // of points that do not say themselves when they expire
  std::optional<uint64_t> limit;
  bool resume = false;
  bool settle = true;
};
Result<ExitCode> run_load(const LoadOptions& options, Console& console);

/// What an answer is made of other than the nearest points.
struct ShapeOptions {
  std::optional<std::string> group_by;  // path
  uint64_t group_size = 1;
  std::optional<float> diversity;  // lambda
  uint64_t candidates = 0;         // of diversity; 0 = as many as the server takes
};

struct SearchOptions {
  Target target;
  std::string collection;
  std::string field;
  std::string vector;  // JSON array
  std::string vector_file;
  std::string hdf5_dataset = "test";
  uint64_t row = 0;
  std::string like;  // id
  uint64_t k = 10;
  uint64_t offset = 0;
  uint64_t effort = 0;
  std::optional<double> recall;  // target
  std::string explain;           // "", plan or analyze
  bool exact = false;
  std::optional<float> threshold;
  std::optional<std::string> filter;  // as text
  ShapeOptions shape;
  std::optional<float> radius;
  uint64_t limit = 1000;  // of --radius
  uint64_t after = 0;     // sequence of a write to see
  bool with_payload = false;
  bool with_vector = false;
};
Result<ExitCode> run_search(const SearchOptions& options, Console& console);

struct RecommendOptions {
  Target target;
  std::string collection;
  std::string field;
  std::vector<std::string> like;    // ids
  std::vector<std::string> unlike;  // ids
  std::string strategy = "average";
  uint64_t k = 10;
  uint64_t offset = 0;
  uint64_t effort = 0;
  bool exact = false;
  std::optional<float> threshold;
  std::optional<std::string> filter;  // as text
  ShapeOptions shape;
  uint64_t after = 0;  // sequence of a write to see
  bool with_payload = false;
  bool with_vector = false;
};
Result<ExitCode> run_recommend(const RecommendOptions& options, Console& console);

struct InfoOptions {
  Target target;
  std::string collection;  // "" = all
};
Result<ExitCode> run_info(const InfoOptions& options, Console& console);

struct DeleteOptions {
  Target target;
  std::string collection;
  std::vector<std::string> ids;
  std::string ids_file;
  std::optional<std::string> filter;  // as text
  bool collection_itself = false;
  bool yes = false;
  std::string durability = "sync";
};
Result<ExitCode> run_delete(const DeleteOptions& options, Console& console);

struct UpdateOptions {
  Target target;
  std::string collection;
  std::vector<std::string> ids;
  std::string ids_file;
  std::optional<std::string> filter;   // as text
  std::optional<std::string> set;      // JSON, merged into payloads
  std::optional<std::string> replace;  // JSON, instead of payloads
  std::string vector;                  // JSON; "" = they stay
  std::string field;                   // of the vector
  std::optional<uint64_t> ttl_s;       // 0: never
  std::string durability = "sync";
};
Result<ExitCode> run_update(const UpdateOptions& options, Console& console);

struct CountOptions {
  Target target;
  std::string collection;
  std::optional<std::string> filter;
  uint64_t after = 0;  // sequence of a write to see
};
Result<ExitCode> run_count(const CountOptions& options, Console& console);

struct ScrollOptions {
  Target target;
  std::string collection;
  std::string from;      // id
  std::string order_by;  // path; "" = by id
  bool descending = false;
  std::string cursor;
  std::optional<std::string> filter;
  uint64_t limit = 100;
  uint64_t after = 0;  // sequence of a write to see
  bool with_payload = false;
  bool with_vector = false;
};
Result<ExitCode> run_scroll(const ScrollOptions& options, Console& console);

struct FacetOptions {
  Target target;
  std::string collection;
  std::string path;
  std::optional<std::string> filter;
  uint64_t limit = 10;
  uint64_t after = 0;  // sequence of a write to see
};
Result<ExitCode> run_facet(const FacetOptions& options, Console& console);

struct ExportOptions {
  Target target;
  std::string collection;
  std::string file;
  std::string field;
  std::optional<std::string> filter;
  uint64_t after = 0;  // sequence of a write to see
  bool force = false;
};
Result<ExitCode> run_export(const ExportOptions& options, Console& console);

struct VerifyOptions {
  Target target;
  std::string collection;
  bool graph = false;  // also print the figures of the graphs
  std::string backup;  // a backup instead
};
Result<ExitCode> run_verify(const VerifyOptions& options, Console& console);
Result<ExitCode> run_verify_backup(const VerifyOptions& options, Console& console);

struct CheckpointOptions {
  Target target;
  std::string collection;
};
Result<ExitCode> run_checkpoint(const CheckpointOptions& options, Console& console);

struct CalibrateOptions {
  Target target;
  std::string collection;
};
Result<ExitCode> run_calibrate(const CalibrateOptions& options, Console& console);

struct TuneOptions {
  Target target;
  std::string collection;
  std::string field;
  uint64_t k = 10;
  std::optional<double> recall;      // wanted: one of the two
  std::optional<double> latency_us;  // likewise
  bool apply = false;                // as the collection's recall target
  std::string svg;
};
Result<ExitCode> run_tune(const TuneOptions& options, Console& console);

struct CompactOptions {
  Target target;
  std::string collection;
};
Result<ExitCode> run_compact(const CompactOptions& options, Console& console);

struct BackupOptions {
  Target target;
  std::string to;
  bool list = false;
};
Result<ExitCode> run_backup(const BackupOptions& options, Console& console);

struct RestoreOptions {
  std::string from;
  std::string to;
};
Result<ExitCode> run_restore(const RestoreOptions& options, Console& console);

struct RepairOptions {
  std::string directory;
  std::string to;
};
Result<ExitCode> run_repair(const RepairOptions& options, Console& console);

struct BenchOptions {
  Target target;
  std::string collection;
  std::string field;
  std::string queries;
  std::string hdf5_dataset = "test";
  std::string groundtruth;
  std::string hdf5_groundtruth = "neighbors";
  uint64_t id_start = 0;
  uint64_t k = 10;
  std::vector<uint32_t> efforts;
  std::vector<double> recalls;  // targets, after the efforts
  uint32_t clients = 1;
  double seconds = 3;
  uint64_t sample = 200;          // queries answered exactly where there is no ground truth
  std::optional<uint64_t> limit;  // queries used at most
};
Result<ExitCode> run_bench(const BenchOptions& options, Console& console);

struct DatasetsOptions {
  std::string name;
  std::string part;  // "" = all of them, else base, queries, groundtruth or attributes: its path alone
  bool synthetic = false;
};
Result<ExitCode> run_datasets_list(Console& console);
/// Brings the set here if need be, then prints where its parts lie; `path` only looks.
Result<ExitCode> run_datasets_fetch(const DatasetsOptions& options, Console& console);
Result<ExitCode> run_datasets_path(const DatasetsOptions& options, Console& console);

struct LimitOptions {
  Target target;
  std::string collection;
  uint64_t memory_bytes_max = 0;  // 0: no limit of its own
};
Result<ExitCode> run_limit(const LimitOptions& options, Console& console);

struct ServeOptions {
  std::string directory;
  std::string host = "127.0.0.1";
  uint16_t port = kDefaultPort;
  uint32_t connections = 1000;
  uint32_t threads = 0;
  std::optional<uint64_t> memory_bytes_max;  // none: three quarters of what this process may use; 0: no limit
  std::optional<uint64_t> disk_reserve_bytes;  // as in DatabaseOptions
  std::string backup_root;
};
Result<ExitCode> run_serve(const ServeOptions& options, Console& console);

}  // namespace kith
