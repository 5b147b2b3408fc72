package io.millrace.cli.context;

import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;

/**
 * SIGINT and SIGTERM. While a run can be resumed, the first asks it to stop after the step under
 * way and the second ends the process; at any other time the first ends it.
 */
public final class Interruption {
    private final PrintStream err;
    private final Runnable end;
    private boolean graceful;
    private boolean requested;

    /** An interruption that ends the process with the exit code of one. */
    public Interruption(PrintStream err) {
        // halt: a run in mid-step must not see its memory freed by shutdown hooks.
        this(err, () -> Runtime.getRuntime().halt(ExitCode.INTERRUPTED));
    }

    public Interruption(PrintStream err, Runnable end) {
        this.err = err;
        this.end = end;
    }

    /** Whether the run should stop after the step under way. */
    public synchronized boolean requested() {
        return requested;
    }

    /** From here on a signal lets the run finish its step. */
    public synchronized void enterRun() {
        graceful = true;
    }

    /** From here on a signal ends the process. */
    public synchronized void leaveRun() {
        graceful = false;
    }

    /** One signal; called from the JVM's signal thread. */
    public synchronized void signal() {
        if (!graceful || requested) {
            end.run();
            return;
        }
        requested = true;
        err.println("millrace: stopping after this step; once more to stop at once");
        err.flush();
    }

    /**
     * Listens to the signals of this process. By reflection, since javac warns about {@code
     * sun.misc.Signal} in a way that nothing can suppress, and a shutdown hook cannot tell a second
     * signal from the first.
     */
    public void listen() {
        try {
            Class<?> signalClass = Class.forName("sun.misc.Signal");
            Class<?> handlerClass = Class.forName("sun.misc.SignalHandler");
            Object handler =
                    Proxy.newProxyInstance(
                            handlerClass.getClassLoader(),
                            new Class<?>[] {handlerClass},
                            (proxy, method, arguments) -> {
                                signal();
                                return null;
                            });
            for (String name : List.of("INT", "TERM")) {
                Object signal = signalClass.getConstructor(String.class).newInstance(name);
                signalClass
                        .getMethod("handle", signalClass, handlerClass)
                        .invoke(null, signal, handler);
            }
        } catch (InvocationTargetException e) {
            throw new IllegalStateException("signals cannot be handled", e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this JDK has no sun.misc.Signal", e);
        }
    }
}
