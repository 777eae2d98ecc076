// The engine for .ptl files on Android's own libraries: libpytorch_jni_lite.so and its C++ runtime.
//
// The archive's headers are of another release than its library, and the C++ runtime is not the host compiler's.
// So the few types that cross the border are declared here by hand, in the layouts of the Itanium C++ ABI,
// libc++ (namespace std::__ndk1) and PyTorch 1.12 on arm64. Compiled with -nostdinc++.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

namespace std {
class exception {
  public:
    virtual ~exception();
    virtual const char *what() const noexcept;
};
inline namespace __ndk1 {
template <class> struct char_traits;
template <class> struct allocator;

// A string of any length in the long form: capacity with the lowest bit set, size, data. The short form, which
// the library may return, keeps twice the size in the first byte and the characters after it.
template <class C, class T, class A> struct basic_string {
    size_t capacity, size;
    const C *data;
    ~basic_string() {}  // without a trivial destructor it travels by reference, as the real one does
    const C *text() const { return capacity & 1 ? data : reinterpret_cast<const C *>(this) + 1; }
};
template <class T, class A> struct vector {
    T *first, *last, *end;
    ~vector() {}
};
using string = basic_string<char, char_traits<char>, allocator<char>>;
}  // namespace __ndk1
}  // namespace std

namespace c10 {
template <class T> struct optional {
    bool present;
    T value;
};
struct Device {
    int8_t type, index;
};
template <class T> struct ArrayRef {
    const T *data;
    size_t size;
};
enum class MemoryFormat : int8_t { Contiguous };
struct Half;
struct TensorOptions {
    Device device;
    uint16_t dtype;  // c10::ScalarType
    int8_t layout, memory_format;
    uint8_t given;  // bit 3: the dtype is
    uint8_t unused;
};
struct IValue {
    void *payload;
    uint32_t tag;
    ~IValue() {}
    bool isTensorList() const;
};
struct AutogradState {
    uint8_t bits;
    static void set_tls_state(AutogradState);
};
struct InferenceMode {
    static bool is_enabled();
};
namespace impl {
struct LocalDispatchKeySet {
    uint64_t included, excluded;
};
LocalDispatchKeySet tls_local_dispatch_key_set();
void _force_tls_local_dispatch_key_set(LocalDispatchKeySet);
}  // namespace impl
}  // namespace c10

namespace at {
struct TensorBase {
    void *implementation;
    ~TensorBase() {}
    template <class T> T *data_ptr() const;
    std::string toString() const;
};
struct Tensor : TensorBase {};
void set_num_threads(int);
namespace _ops {
struct contiguous {
    static Tensor call(const Tensor &, c10::MemoryFormat);
};
struct _shape_as_tensor {
    static Tensor call(const Tensor &);
};
struct size_int {
    static long call(const Tensor &, long);
};
}  // namespace _ops
}  // namespace at

namespace torch {
at::Tensor from_blob(void *, c10::ArrayRef<long>, const c10::TensorOptions &);
namespace jit {
namespace mobile {
struct Function;
struct Module;
struct Method {
    const Module *module;
    Function *function;
    c10::IValue operator()(std::vector<c10::IValue, std::allocator<c10::IValue>>) const;
};
struct Module {
    alignas(16) char opaque[2048];  // larger than the real one, which is made in place
    ~Module() {}
    Method get_method(const std::string &) const;
};
}  // namespace mobile
mobile::Module _load_for_mobile(const std::string &, c10::optional<c10::Device>);
}  // namespace jit
}  // namespace torch

// Every object of this class begins with a pointer into this table.
extern "C" char tuple_class[] __asm__("_ZTVN3c106ivalue5TupleE");

inline void *operator new(size_t, void *place) noexcept { return place; }

namespace {

using at::Tensor;
using c10::IValue;

// c10::ScalarType and the class name that Tensor::toString gives, by dtype.
const struct {
    uint16_t scalar_type;
    const char *class_name;
} kinds[] = {{}, {6, "CPUFloatType"}, {5, "CPUHalfType"}, {7, "CPUDoubleType"}, {1, "CPUCharType"},
             {0, "CPUByteType"}, {2, "CPUShortType"}, {3, "CPUIntType"}, {4, "CPULongType"}, {11, "CPUBoolType"}};
enum { TENSOR = 1 };  // IValue's tag

// What stands before the members of every reference-counted object of PyTorch.
struct Counted {
    const char *class_table;
    size_t references, weak_references;
};
struct Tuple : Counted {
    size_t inline_size;  // up to three elements are kept in place
    union Elements {
        IValue here[3];
        struct {
            IValue *first, *last;
        } elsewhere;
        Elements();
        ~Elements();
    } elements;
};
struct List : Counted {
    IValue *first, *last;
};

torch::jit::mobile::Module *module;
int thread_count;

std::string string_of(const char *text) {
    size_t size = strlen(text);
    return {(size + 1) | 1, size, text};
}

Tensor tensor_of(const struct tensor &given) {
    c10::TensorOptions options = {};
    options.dtype = kinds[given.dtype].scalar_type;
    options.given = 1 << 3;
    return torch::from_blob(given.data, {reinterpret_cast<const long *>(given.dims), given.rank}, options);
}

void *data_of(const Tensor &tensor, uint32_t dtype) {
    switch (dtype) {
        case FLOAT32: return tensor.data_ptr<float>();
        case FLOAT16: return tensor.data_ptr<c10::Half>();
        case FLOAT64: return tensor.data_ptr<double>();
        case INT8: return tensor.data_ptr<signed char>();
        case UINT8: return tensor.data_ptr<unsigned char>();
        case INT16: return tensor.data_ptr<short>();
        case INT32: return tensor.data_ptr<int>();
        case INT64: return tensor.data_ptr<long>();
        default: return tensor.data_ptr<bool>();
    }
}

struct tensor describe(const Tensor &output) {
    struct tensor found = {};
    std::string name = output.toString();
    for (uint32_t dtype = FLOAT32; dtype <= BOOL; dtype++)
        if (!strcmp(name.text(), kinds[dtype].class_name)) found.dtype = dtype;
    if (!found.dtype) fail("output", "a tensor of class %s", name.text());
    Tensor whole = at::_ops::contiguous::call(output, c10::MemoryFormat::Contiguous);
    Tensor shape = at::_ops::_shape_as_tensor::call(whole);
    found.rank = static_cast<uint32_t>(at::_ops::size_int::call(shape, 0));
    if (found.rank > MAX_RANK) fail("output", "a tensor of rank %u", found.rank);
    found.bytes = element_size(found.dtype);
    for (uint32_t axis = 0; axis < found.rank; axis++) {
        found.dims[axis] = at::_ops::size_int::call(whole, axis);
        found.bytes *= static_cast<uint64_t>(found.dims[axis]);
    }
    found.data = data_of(whole, found.dtype);
    return found;
}

// Lists the tensors of a result in order, through tuples and lists of tensors.
size_t flatten(const IValue &value, struct tensor *outputs, size_t count) {
    if (value.tag == TENSOR) {
        if (count == MAX_TENSORS) fail("output", "more than %d outputs", MAX_TENSORS);
        Tensor tensor;
        tensor.implementation = value.payload;
        outputs[count] = describe(tensor);
        return count + 1;
    }
    const IValue *first = nullptr, *last = nullptr;
    if (value.isTensorList()) {
        auto list = static_cast<const List *>(value.payload);
        first = list->first, last = list->last;
    } else if (value.tag > TENSOR && value.payload > reinterpret_cast<void *>(4096) &&
               static_cast<const Counted *>(value.payload)->class_table == tuple_class + 2 * sizeof(void *)) {
        auto tuple = static_cast<const Tuple *>(value.payload);
        first = tuple->inline_size ? tuple->elements.here : tuple->elements.elsewhere.first;
        last = tuple->inline_size ? first + tuple->inline_size : tuple->elements.elsewhere.last;
    } else {
        fail("output", "a value that is no tensor, list of tensors or tuple of them (tag %u)", value.tag);
    }
    for (; first != last; first++) count = flatten(*first, outputs, count);
    return count;
}

// What c10::InferenceMode's constructor does, which is inline: PyTorch 1.12's numbers of the dispatch keys.
void enter_inference_mode() {
    const uint64_t add_or_inplace = 1ull << 34, autograd = 0x1800000000ull;
    auto keys = c10::impl::tls_local_dispatch_key_set();
    c10::AutogradState::set_tls_state({2});
    keys.included &= ~add_or_inplace;
    keys.excluded |= autograd;
    c10::impl::_force_tls_local_dispatch_key_set(keys);
    if (!c10::InferenceMode::is_enabled()) fail("runtime", "inference mode cannot be entered");
}

// The arguments of one call. The library takes them over, and a tensor's references count one more each.
std::vector<IValue, std::allocator<IValue>> arguments_of(const Tensor *tensors, size_t count) {
    auto values = static_cast<IValue *>(calloc(count + 1, sizeof(IValue)));
    for (size_t index = 0; index < count; index++) {
        values[index].payload = tensors[index].implementation;
        values[index].tag = TENSOR;
        static_cast<Counted *>(tensors[index].implementation)->references++;
    }
    return {values, values + count, values + count};
}

}  // namespace

void engine_start(int, char **) {
    at::set_num_threads(1);  // a pool of threads would not survive the fork
    enter_inference_mode();
}

const char *engine_release(void) { return ""; }

void engine_load(const char *path, int threads) {
    thread_count = threads;
    try {
        if (threads > 1) at::set_num_threads(threads);
        module = new (malloc(sizeof *module)) torch::jit::mobile::Module(torch::jit::_load_for_mobile(string_of(path), {}));
    } catch (const std::exception &error) {
        fail("load", "%s", error.what());
    }
}

size_t engine_run(const struct tensor *inputs, size_t count, uint32_t repetitions, struct tensor *outputs,
                  double *seconds) {
    if (!module) fail("run", "nothing is loaded");
    try {
        static Tensor tensors[MAX_TENSORS];
        for (size_t index = 0; index < count; index++) tensors[index].implementation = tensor_of(inputs[index]).implementation;
        auto forward = module->get_method(string_of("forward"));
        size_t made = 0;
        for (uint32_t repetition = 0; repetition < repetitions; repetition++) {
            auto arguments = arguments_of(tensors, count);
            double started = now();
            mark(INFERENCE_BEGINS);
            IValue result = forward(arguments);
            mark(INFERENCE_ENDS);
            *seconds = now() - started;
            if (repetition + 1 == repetitions) made = flatten(result, outputs, 0);
        }
        return made;
    } catch (const std::exception &error) {
        fail("run", "%s", error.what());
    }
}
