package io.millrace.model.file.pickle;

import io.millrace.memory.DType;
import java.util.Optional;

/** Every name that a pickle may ask for. None is code: the reader knows what each stands for. */
enum PickleGlobal {
    ORDERED_DICT("collections", "OrderedDict", null),
    TENSOR("torch._utils", "_rebuild_tensor", null),
    TENSOR_V2("torch._utils", "_rebuild_tensor_v2", null),
    PARAMETER("torch._utils", "_rebuild_parameter", null),
    PARAMETER_WITH_STATE("torch._utils", "_rebuild_parameter_with_state", null),
    DOUBLE_STORAGE("torch", "DoubleStorage", DType.F64),
    FLOAT_STORAGE("torch", "FloatStorage", DType.F32),
    HALF_STORAGE("torch", "HalfStorage", DType.F16),
    BFLOAT16_STORAGE("torch", "BFloat16Storage", DType.BF16),
    LONG_STORAGE("torch", "LongStorage", DType.I64),
    INT_STORAGE("torch", "IntStorage", DType.I32),
    SHORT_STORAGE("torch", "ShortStorage", DType.I16),
    CHAR_STORAGE("torch", "CharStorage", DType.I8),
    BYTE_STORAGE("torch", "ByteStorage", DType.U8),
    BOOL_STORAGE("torch", "BoolStorage", DType.BOOL);

    private final String module;
    private final String attribute;
    private final DType dtype;

    PickleGlobal(String module, String attribute, DType dtype) {
        this.module = module;
        this.attribute = attribute;
        this.dtype = dtype;
    }

    static Optional<PickleGlobal> find(String module, String attribute) {
        for (PickleGlobal global : values()) {
            if (global.module.equals(module) && global.attribute.equals(attribute)) {
                return Optional.of(global);
            }
        }
        return Optional.empty();
    }

    /** The elements of a storage; empty of what is no storage. */
    Optional<DType> dtype() {
        return Optional.ofNullable(dtype);
    }

    /** As Python spells it. */
    String spelled() {
        return module + "." + attribute;
    }
}
