package io.millrace.model.file.pickle;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the pickle of a state dict: names, and for each a view of a storage. Opcodes and their
 * meaning are those of Python's {@code pickletools}, of protocol 2, which {@code torch.save}
 * writes; storages are persistent ids {@code ("storage", type, key, device, elements)}.
 */
public final class StateDictReader {
    /** The most extents that PyTorch gives a tensor. */
    private static final int MAX_EXTENTS = 64;

    private static final Object NONE = new Object();

    private final PickleInput in;
    private final int maxTensors;
    private final PickleMachine machine = new PickleMachine();
    private int tensors;

    private StateDictReader(PickleInput in, int maxTensors) {
        this.in = in;
        this.maxTensors = maxTensors;
    }

    /**
     * Reads a pickle to its end; nothing in it is run.
     *
     * @param in the pickle, better buffered
     * @param maxTensors the most that are read
     * @return the tensors by name, in their order
     * @throws PickleFormatException when it is damaged, or asks for anything but tensors
     * @throws IOException when the stream cannot be read
     */
    public static Map<String, PickledTensor> read(InputStream in, int maxTensors)
            throws IOException {
        try {
            return new StateDictReader(new PickleInput(in), maxTensors).run();
        } catch (EOFException e) {
            throw new PickleFormatException("ends in its midst");
        }
    }

    private Map<String, PickledTensor> run() throws IOException {
        for (int opcode = in.u8(); opcode != '.'; opcode = in.u8()) {
            if (!number(opcode) && !container(opcode) && !memo(opcode) && !call(opcode)) {
                throw PickleFormatException.unsupported(
                        "has the opcode "
                                + PickleOpcodes.name(opcode)
                                + ", which no state dict needs");
            }
        }
        Object top = machine.pop();
        if (!machine.isEmpty()) {
            throw new PickleFormatException("leaves more than one value");
        }
        return stateDict(top);
    }

    /** Opcodes that push a constant. */
    private boolean number(int opcode) throws IOException {
        switch (opcode) {
            case 0x80 -> protocol(in.u8());
            case 'N' -> machine.push(NONE);
            case 0x88 -> machine.push(true);
            case 0x89 -> machine.push(false);
            case 'J' -> machine.push((long) in.i32());
            case 'K' -> machine.push((long) in.u8());
            case 'M' -> machine.push((long) in.u16());
            case 0x8A -> machine.push(in.longOf(in.u8()));
            case 'G' -> machine.push(in.bigEndianDouble());
            case 'X' -> machine.push(in.text(Integer.toUnsignedLong(in.i32())));
            case 'U' -> machine.push(in.text(in.u8()));
            default -> {
                return false;
            }
        }
        return true;
    }

    private static void protocol(int version) {
        if (version != 2) {
            throw PickleFormatException.unsupported(
                    "is of protocol " + version + " where torch.save writes 2");
        }
    }

    private boolean container(int opcode) {
        switch (opcode) {
            case '(' -> machine.mark();
            case ')' -> machine.push(new Object[0]);
            case ']' -> machine.push(new ArrayList<>(0));
            case '}' -> machine.push(new PickledDict());
            case 't' -> machine.push(machine.popToMark());
            case 0x85 -> machine.push(machine.pop(1));
            case 0x86 -> machine.push(machine.pop(2));
            case 0x87 -> machine.push(machine.pop(3));
            case 'a' -> append(machine.pop(1));
            case 'e' -> append(machine.popToMark());
            case 's' -> set(machine.pop(2));
            case 'u' -> set(machine.popToMark());
            default -> {
                return false;
            }
        }
        return true;
    }

    private void append(Object[] values) {
        if (!(machine.top() instanceof ArrayList<?> list)) {
            throw new PickleFormatException("appends to what is no list");
        }
        @SuppressWarnings("unchecked") // every list was made here
        List<Object> open = (List<Object>) list;
        open.addAll(Arrays.asList(values));
    }

    private void set(Object[] values) {
        if (!(machine.top() instanceof PickledDict dict) || values.length % 2 != 0) {
            throw new PickleFormatException("sets entries of what is no dict");
        }
        for (int i = 0; i < values.length; i += 2) {
            if (!(values[i] instanceof String) && !(values[i] instanceof Long)) {
                throw PickleFormatException.unsupported("has a key that is no string");
            }
            dict.put(values[i], values[i + 1]);
        }
    }

    private boolean memo(int opcode) throws IOException {
        switch (opcode) {
            case 'q' -> machine.remember(in.u8());
            case 'r' -> machine.remember(Integer.toUnsignedLong(in.i32()));
            case 'h' -> machine.recall(in.u8());
            case 'j' -> machine.recall(Integer.toUnsignedLong(in.i32()));
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean call(int opcode) throws IOException {
        switch (opcode) {
            case 'c' -> machine.push(global(in.line(), in.line()));
            case 'Q' -> machine.push(storage(machine.pop()));
            case 'R' -> {
                Object arguments = machine.pop();
                machine.push(apply(machine.pop(), arguments));
            }
            case 'b' -> build(machine.pop(), machine.top());
            default -> {
                return false;
            }
        }
        return true;
    }

    private static PickleGlobal global(String module, String attribute) {
        return PickleGlobal.find(module, attribute)
                .orElseThrow(() ->
                        PickleFormatException.unsupported(
                                "asks for "
                                        + module
                                        + "."
                                        + attribute
                                        + ", which is neither looked up nor run"));
    }

    private static PickledStorage storage(Object id) {
        if (id instanceof Object[] parts
                && parts.length == 5
                && "storage".equals(parts[0])
                && parts[1] instanceof PickleGlobal type
                && type.dtype().isPresent()
                && parts[2] instanceof String key
                && parts[3] instanceof String
                && parts[4] instanceof Long elements
                && elements >= 0) {
            return new PickledStorage(key, type.dtype().get(), elements);
        }
        throw new PickleFormatException("has a persistent id that is no storage's");
    }

    private Object apply(Object called, Object arguments) {
        if (!(called instanceof PickleGlobal global) || !(arguments instanceof Object[] given)) {
            throw new PickleFormatException("calls what is no function");
        }
        return switch (global) {
            case ORDERED_DICT -> {
                if (given.length > 0) {
                    throw PickleFormatException.unsupported("makes an OrderedDict of arguments");
                }
                yield new PickledDict();
            }
            case TENSOR -> tensor(given, 4, 4);
            case TENSOR_V2 -> tensor(given, 6, 7);
            case PARAMETER, PARAMETER_WITH_STATE -> {
                if (given.length < 3 || !(given[0] instanceof PickledTensor tensor)) {
                    throw new PickleFormatException("makes a parameter of what is no tensor");
                }
                yield tensor;
            }
            default -> throw new PickleFormatException("calls " + global.spelled());
        };
    }

    private PickledTensor tensor(Object[] given, int fewest, int most) {
        if (given.length < fewest
                || given.length > most
                || !(given[0] instanceof PickledStorage storage)
                || !(given[1] instanceof Long offset)
                || offset < 0) {
            throw new PickleFormatException("makes a tensor of what is no storage");
        }
        if (given.length == 7
                && given[6] instanceof PickledDict more
                && !more.entries().isEmpty()) {
            throw PickleFormatException.unsupported(
                    "has a tensor that is a conjugate or negative view");
        }
        if (++tensors > maxTensors) {
            throw new PickleFormatException(
                    "has more than " + maxTensors + " tensors, the most that is read");
        }
        List<Long> shape = naturals(given[2]);
        List<Long> strides = naturals(given[3]);
        if (shape.size() != strides.size()) {
            throw new PickleFormatException("has a tensor with a stride too many or too few");
        }
        return new PickledTensor(storage, offset, shape, strides);
    }

    private static List<Long> naturals(Object tuple) {
        if (!(tuple instanceof Object[] values) || values.length > MAX_EXTENTS) {
            throw new PickleFormatException("has a tensor whose shape is no tuple");
        }
        List<Long> naturals = new ArrayList<>(values.length);
        for (Object value : values) {
            if (!(value instanceof Long natural) || natural < 0) {
                throw new PickleFormatException("has a tensor whose shape is not natural numbers");
            }
            naturals.add(natural);
        }
        return naturals;
    }

    /** A state dict has the versions of its modules as an attribute, which nobody here needs. */
    private static void build(Object state, Object target) {
        if (!(target instanceof PickledDict)
                || !(state instanceof PickledDict attributes)
                || !Collections.singleton("_metadata").containsAll(attributes.entries().keySet())) {
            throw PickleFormatException.unsupported("sets attributes of an object");
        }
    }

    private static Map<String, PickledTensor> stateDict(Object top) {
        if (!(top instanceof PickledDict dict)) {
            throw PickleFormatException.unsupported("holds no state dict");
        }
        Map<String, PickledTensor> named = new LinkedHashMap<>();
        dict.entries()
                .forEach((key, value) -> {
                    if (!(key instanceof String name) || !(value instanceof PickledTensor tensor)) {
                        throw PickleFormatException.unsupported(
                                "holds more than tensors by name, such as the entry '"
                                        + key
                                        + "': a training checkpoint, and not a state dict");
                    }
                    named.put(name, tensor);
                });
        return named;
    }
}
