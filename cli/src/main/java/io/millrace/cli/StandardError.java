package io.millrace.cli;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The process's file descriptor 2, as the C library sees it. */
@SuppressWarnings("restricted")
final class StandardError {
    private static final int STDERR_FILENO = 2; // unistd.h

    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle MH$dup2 =
            handle(
                    "dup2",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    private static final MethodHandle MH$isatty =
            handle("isatty", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

    private StandardError() {}

    /** Makes standard error what another descriptor is. */
    static void replaceBy(int descriptor) {
        int result;
        try {
            result = (int) MH$dup2.invokeExact(descriptor, STDERR_FILENO);
        } catch (Throwable e) {
            throw new IllegalStateException("dup2", e);
        }
        if (result != STDERR_FILENO) {
            throw new IllegalStateException("dup2(" + descriptor + ", 2) returned " + result);
        }
    }

    /** Whether it is a terminal; {@code System.console()} knows only the other two streams. */
    static boolean isTerminal() {
        try {
            return (int) MH$isatty.invokeExact(STDERR_FILENO) == 1;
        } catch (Throwable e) {
            throw new IllegalStateException("isatty", e);
        }
    }

    private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor);
    }
}
