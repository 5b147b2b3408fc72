package io.millrace.memory.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * One thread's objects for handles, pointed anew for each call: the presets take handles as
 * objects, and a step makes too many calls to make an object for each.
 */
final class DriverHandles {
    static final class Stream extends CUstream_st {
        Stream() {
            super((Pointer) null);
        }

        Stream at(long handle) {
            address = handle;
            return this;
        }
    }

    static final class Event extends CUevent_st {
        Event() {
            super((Pointer) null);
        }

        Event at(long handle) {
            address = handle;
            return this;
        }
    }

    static final class Function extends CUfunc_st {
        Function() {
            super((Pointer) null);
        }

        Function at(long handle) {
            address = handle;
            return this;
        }
    }

    static final class Module extends CUmod_st {
        Module() {
            super((Pointer) null);
        }

        Module at(long handle) {
            address = handle;
            return this;
        }
    }

    static final class Context extends CUctx_st {
        Context() {
            super((Pointer) null);
        }

        Context at(long handle) {
            address = handle;
            return this;
        }
    }

    /** Host memory. */
    static final class Host extends Pointer {
        Host at(long newAddress) {
            address = newAddress;
            return this;
        }
    }

    // CU_LAUNCH_PARAM_* of cuda.h
    private static final long LAUNCH_PARAM_END = 0;
    private static final long LAUNCH_PARAM_BUFFER_POINTER = 1;
    private static final long LAUNCH_PARAM_BUFFER_SIZE = 2;

    final Stream stream = new Stream();
    final Event event = new Event();
    final Event secondEvent = new Event();
    final Function function = new Function();
    final Context context = new Context();
    final Host host = new Host();
    final float[] milliseconds = new float[1];

    // [pointer tag, buffer, size tag, address of the size, end tag, the size]
    private final LongPointer launch = new LongPointer(6);
    // The calls that take plain pointers pass their address, and not what they point to.
    private final PointerPointer<Pointer> launchExtra = new PointerPointer<>(launch);

    /** The {@code extra} of a launch with packed parameters. */
    PointerPointer<Pointer> launchExtra(MemorySegment buffer, long sizeBytes) {
        launch.put(0, LAUNCH_PARAM_BUFFER_POINTER);
        launch.put(1, buffer.address());
        launch.put(2, LAUNCH_PARAM_BUFFER_SIZE);
        launch.put(3, launch.address() + 5 * ValueLayout.JAVA_LONG.byteSize());
        launch.put(4, LAUNCH_PARAM_END);
        launch.put(5, sizeBytes);
        return launchExtra;
    }
}
