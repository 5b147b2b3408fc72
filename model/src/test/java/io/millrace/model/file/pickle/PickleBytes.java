package io.millrace.model.file.pickle;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes pickles opcode by opcode: those that torch.save writes, and those that nobody should. */
public final class PickleBytes {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    /** The beginning of a state dict: its entries follow, and then {@link #endDict}. */
    public static PickleBytes dict() {
        return new PickleBytes().op(0x80, 2).op('}').op('(');
    }

    public PickleBytes op(int... opcodes) {
        for (int opcode : opcodes) {
            bytes.write(opcode);
        }
        return this;
    }

    public PickleBytes text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        op('X').raw(little(4).putInt(utf8.length).array());
        return raw(utf8);
    }

    public PickleBytes global(String module, String name) {
        return op('c').raw((module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
    }

    public PickleBytes integer(long value) {
        return op(0x8A, Long.BYTES).raw(little(Long.BYTES).putLong(value).array());
    }

    public PickleBytes tuple(long... values) {
        op('(');
        for (long value : values) {
            integer(value);
        }
        return op('t');
    }

    /** A named tensor that is a view of a storage. */
    public PickleBytes tensor(
            String name, String type, String key, long elements, long offset, long... shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int axis = shape.length - 1; axis >= 0; axis--) {
            strides[axis] = stride;
            stride *= Math.max(shape[axis], 1);
        }
        return tensor(name, type, key, elements, offset, shape, strides);
    }

    public PickleBytes tensor(
            String name,
            String type,
            String key,
            long elements,
            long offset,
            long[] shape,
            long[] strides) {
        text(name).global("torch._utils", "_rebuild_tensor_v2").op('(').op('(');
        text("storage").global("torch", type).text(key).text("cpu").integer(elements);
        op('t', 'Q').integer(offset).tuple(shape).tuple(strides).op(0x89);
        return global("collections", "OrderedDict").op(')', 'R', 't', 'R');
    }

    public byte[] endDict() {
        return op('u', '.').bytes();
    }

    public byte[] bytes() {
        return bytes.toByteArray();
    }

    private PickleBytes raw(byte[] more) {
        bytes.writeBytes(more);
        return this;
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
