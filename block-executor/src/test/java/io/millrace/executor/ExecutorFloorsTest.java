package io.millrace.executor;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
final class ExecutorFloorsTest {
    @ArchTest
    static final ArchRule onlyDevicesUseBytedeco =
            noClasses()
                    .that()
                    .resideOutsideOfPackages(
                            "io.millrace.executor.cpu..",
                            "io.millrace.executor.cuda..",
                            "io.millrace.memory.cuda..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("org.bytedeco..");

    @ArchTest
    static final ArchRule nothingBelowKnowsTheExecutor =
            noClasses()
                    .that()
                    .resideOutsideOfPackages(
                            "io.millrace.executor..", "io.millrace.cli..", "io.millrace.bench..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("io.millrace.executor..");

    @ArchTest
    static final ArchRule operatorsKnowNoProgram =
            noClasses()
                    .that()
                    .resideInAPackage("io.millrace.executor.cpu..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.millrace.executor",
                            "io.millrace.prefetch..",
                            "io.millrace.optim..",
                            "io.millrace.telemetry..");

    @ArchTest
    static final ArchRule noCycles =
            slices().matching("io.millrace.(*)..").should().beFreeOfCycles();
}
