// The engine for .ptl files on the libraries of an official Linux wheel, of any release from 1.12 on.
//
// The wheel brings its headers, but not those of the lite interpreter in all releases; the few declarations that
// are needed from there stand here.
#include <ATen/Parallel.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine.h"

namespace torch {
namespace jit {
namespace mobile {
class Function;
class Module;
struct Method {
    const Module *module;
    Function *function;
    c10::IValue operator()(std::vector<c10::IValue> stack) const;
};
class Module {
  public:
    alignas(16) char opaque[2048];  // larger than the real one, which is made in place
    ~Module() {}
    Method get_method(const std::string &name) const;
};
}  // namespace mobile
mobile::Module _load_for_mobile(const std::string &path, c10::optional<c10::Device> device);
}  // namespace jit
}  // namespace torch

namespace {

// c10::ScalarType by dtype.
const at::ScalarType scalar_types[] = {at::ScalarType::Undefined, at::kFloat, at::kHalf, at::kDouble, at::kChar,
                                       at::kByte, at::kShort, at::kInt, at::kLong, at::kBool};

std::unique_ptr<torch::jit::mobile::Module> module;
std::vector<at::Tensor> kept;  // what the described outputs point into

at::Tensor tensor_of(const struct tensor &given) {
    auto made = at::empty(at::IntArrayRef(given.dims, given.rank), scalar_types[given.dtype]);
    memcpy(made.data_ptr(), given.data, given.bytes);
    return made;
}

struct tensor describe(const at::Tensor &output) {
    struct tensor found = {};
    for (uint32_t dtype = FLOAT32; dtype <= BOOL; dtype++)
        if (output.scalar_type() == scalar_types[dtype]) found.dtype = dtype;
    if (!found.dtype) fail("output", "a tensor of dtype %s", c10::toString(output.scalar_type()));
    if (output.dim() > MAX_RANK) fail("output", "a tensor of rank %d", static_cast<int>(output.dim()));
    kept.push_back(output.contiguous());
    found.rank = static_cast<uint32_t>(output.dim());
    for (uint32_t axis = 0; axis < found.rank; axis++) found.dims[axis] = output.size(axis);
    found.bytes = kept.back().nbytes();
    found.data = kept.back().data_ptr();
    return found;
}

// Lists the tensors of a result in order, through tuples and lists.
size_t flatten(const c10::IValue &value, struct tensor *outputs, size_t count) {
    if (value.isTensor()) {
        if (count == MAX_TENSORS) fail("output", "more than %d outputs", MAX_TENSORS);
        outputs[count] = describe(value.toTensor());
        return count + 1;
    }
    if (value.isTuple()) {
        for (const auto &element : value.toTuple()->elements()) count = flatten(element, outputs, count);
    } else if (value.isList()) {
        for (const auto &element : value.toListRef()) count = flatten(element, outputs, count);
    } else {
        fail("output", "a value of kind %s, which is no tensor, list or tuple", value.tagKind().c_str());
    }
    return count;
}

}  // namespace

void engine_start(int, char **) {
    at::set_num_threads(1);  // a pool of threads would not survive the fork
    at::globalContext().setQEngine(at::QEngine::QNNPACK);  // as Android's libraries have it
}

const char *engine_release(void) { return TORCH_VERSION; }

void engine_load(const char *path, int threads) {
    try {
        if (threads > 1) at::set_num_threads(threads);
        module.reset(new torch::jit::mobile::Module(torch::jit::_load_for_mobile(path, c10::nullopt)));
    } catch (const std::exception &error) {
        fail("load", "%s", error.what());
    }
}

size_t engine_run(const struct tensor *inputs, size_t count, uint32_t repetitions, struct tensor *outputs,
                  double *seconds) {
    if (!module) fail("run", "nothing is loaded");
    try {
        c10::InferenceMode inference;
        std::vector<c10::IValue> arguments;
        for (size_t index = 0; index < count; index++) arguments.push_back(tensor_of(inputs[index]));
        auto forward = module->get_method("forward");
        c10::IValue result;
        for (uint32_t repetition = 0; repetition < repetitions; repetition++) {
            double started = now();
            mark(INFERENCE_BEGINS);
            result = forward(arguments);
            mark(INFERENCE_ENDS);
            *seconds = now() - started;
        }
        kept.clear();
        return flatten(result, outputs, 0);
    } catch (const std::exception &error) {
        fail("run", "%s", error.what());
    }
}
