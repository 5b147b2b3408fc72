package io.millrace.telemetry;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.millrace", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule isTheLowestFloor =
            classes()
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "io.millrace.telemetry..",
                            "tools.jackson..",
                            "io.prometheus..",
                            "java..",
                            "jdk.jfr..");

    @ArchTest
    static final ArchRule jacksonHasOneDoor =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.telemetry.json")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("tools.jackson..");

    @ArchTest
    static final ArchRule prometheusHasOneDoor =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.telemetry.prometheus")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("io.prometheus..");

    @ArchTest
    static final ArchRule packagesHaveNoCycles =
            slices().matching("io.millrace.(**)").should().beFreeOfCycles();
}
